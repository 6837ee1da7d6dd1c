/* Ports as Services, EndpointSlices and Endpoints have them. */
#include <string.h>

#include "decode_priv.h"
#include "model/k8sname.h"

bool decode_ports_number(struct decode *d, struct json_at *at, uint16_t *out)
{
    const cJSON *node = at->node;
    char path[JSON_PATH_MAX], value[JSON_TEXT_MAX];
    const char *mend = "";

    if (node == NULL) {
        *out = 0;
        return true;
    }
    if (cJSON_IsNumber(node) && node->valuedouble >= 1 && node->valuedouble <= 65535 &&
        (double)(uint16_t)node->valuedouble == node->valuedouble) {
        *out = (uint16_t)node->valuedouble;
        return true;
    }
    at->wrong = true;
    if (cJSON_IsString(node)) {
        bool digits = strspn(node->valuestring, "0123456789") == strlen(node->valuestring);

        mend = digits ? ": take away the quotes" : ": a name goes into the field name";
    }
    decode_say(d, at, VERDICT_ERROR, "InvalidPort",
               "%s must be a whole number from 1 to 65535, not %s%s", json_path(at, path),
               json_describe(node, value), mend);
    return false;
}

/* "protocol": absent, TCP, or one that is not TCP. */
static bool is_tcp(struct decode *d, const struct json_at *port)
{
    struct json_at at = json_field(port, "protocol");
    const char *protocol = json_string(&at);
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (protocol == NULL || protocol[0] == '\0' || strcmp(protocol, "TCP") == 0) {
        return !at.wrong;
    }
    if (strcmp(protocol, "UDP") != 0 && strcmp(protocol, "SCTP") != 0) {
        decode_say(d, &at, VERDICT_ERROR, "InvalidPort", "%s %s must be TCP, UDP or SCTP",
                   json_path(&at, path), json_quote(protocol, quoted));
    }
    return false;
}

bool decode_ports_one(struct decode *d, struct json_at *item, struct slice_port *out)
{
    struct json_at name_at, number_at;
    const char *name;
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (!json_is_object(item)) {
        return false;
    }
    name_at = json_field(item, "name");
    number_at = json_field(item, "port");
    name = json_string(&name_at);
    out->is_tcp = is_tcp(d, item);
    if (name_at.wrong || !decode_ports_number(d, &number_at, &out->number)) {
        return false;
    }
    if (name != NULL && name[0] != '\0' && !k8sname_is_label(name)) {
        decode_say(d, &name_at, VERDICT_ERROR, "InvalidPort",
                   "%s %s is no name of a port: write a-z, 0-9 and '-', 63 characters at most",
                   json_path(&name_at, path), json_quote(name, quoted));
        return false;
    }
    out->name = decode_keep(d, name);
    return true;
}

struct slice_port *decode_ports(struct decode *d, const struct json_at *list, size_t *n_out)
{
    struct slice_port *ports = decode_calloc(d, json_count(list), sizeof(*ports));
    struct json_at item = {0};
    size_t n = 0;

    while (ports != NULL && json_next(list, &item)) {
        n += decode_ports_one(d, &item, &ports[n]);
    }
    *n_out = n;
    return ports;
}
