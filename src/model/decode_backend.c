/* backend: { service: { name, port: { name | number } } } of an Ingress. */
#include <string.h>

#include "decode_priv.h"
#include "model/k8sname.h"

#define BACKEND_FORM "service: {name: NAME, port: {number: N}}"

static bool refuse(struct decode *d, const struct json_at *at, const char *why)
{
    char path[JSON_PATH_MAX];

    decode_say(d, at, VERDICT_ERROR, "InvalidBackend", "%s %s", json_path(at, path), why);
    return false;
}

/* The form of v1beta1, under v1 an unknown field that would be dropped without a word. */
static bool has_old_fields(struct decode *d, const struct json_at *at)
{
    struct json_at name = json_field(at, "serviceName"), port = json_field(at, "servicePort");
    const struct json_at *found = name.raw != NULL ? &name : &port;
    char path[JSON_PATH_MAX];

    if (found->raw == NULL) {
        return false;
    }
    decode_say(d, found, VERDICT_ERROR, "FieldRemoved",
               "%s is of networking.k8s.io/v1beta1 and gone: write service.name for serviceName, "
               "and service.port.number (or service.port.name) for servicePort",
               json_path(found, path));
    return true;
}

static bool decode_port_name(struct decode *d, struct json_at *at, const char *name,
                             struct ingress_backend *out)
{
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (!k8sname_is_port(name)) {
        decode_say(d, at, VERDICT_ERROR, "InvalidBackend",
                   "%s %s is no name of a port: up to 15 characters of a-z, 0-9 and '-', with a "
                   "letter; a number goes into port.number",
                   json_path(at, path), json_quote(name, quoted));
        return false;
    }
    out->port_name = decode_keep(d, name);
    return true;
}

/* Zero and "" are what the API takes for absent. */
static bool decode_backend_port(struct decode *d, const struct json_at *service,
                                struct ingress_backend *out)
{
    struct json_at port = json_object(service, "port");
    struct json_at name_at = json_field(&port, "name"), number_at = json_field(&port, "number");
    const char *name = json_string(&name_at);
    bool has_name = name != NULL && name[0] != '\0';
    bool has_number = number_at.node != NULL &&
                      !(cJSON_IsNumber(number_at.node) && number_at.node->valuedouble == 0);

    if (port.wrong || name_at.wrong) {
        return false;
    }
    if (has_name && has_number) {
        return refuse(d, &port, "has both name and number: keep one of them");
    }
    if (!has_name && !has_number) {
        return refuse(d, &port, "names no port: write number: N or name: NAME");
    }
    out->line = decode_line(d, has_name ? &name_at : &number_at);
    out->port_name = "";
    return has_name ? decode_port_name(d, &name_at, name, out)
                    : decode_ports_number(d, &number_at, &out->port_number);
}

static bool decode_backend_service(struct decode *d, const struct json_at *service,
                                   struct ingress_backend *out)
{
    struct json_at name_at = json_field(service, "name");
    const char *name = json_string(&name_at);
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (name_at.wrong) {
        return false;
    }
    if (name == NULL || name[0] == '\0') {
        return refuse(d, service, "names no Service: write name: NAME");
    }
    if (!k8sname_is_service(name)) {
        decode_say(d, &name_at, VERDICT_ERROR, "InvalidBackend",
                   "%s %s can be no Service: write up to 63 characters of a-z, 0-9 and '-'",
                   json_path(&name_at, path), json_quote(name, quoted));
        return false;
    }
    out->type = BACKEND_SERVICE;
    out->service = decode_keep(d, name);
    return decode_backend_port(d, service, out);
}

bool decode_backend(struct decode *d, const struct json_at *at, struct ingress_backend *out)
{
    struct json_at service = json_object(at, "service"), resource = json_object(at, "resource");
    struct ingress_backend backend = {.service = "", .port_name = ""};

    if (service.wrong || resource.wrong || has_old_fields(d, at)) {
        return false;
    }
    if (service.node != NULL && resource.node != NULL) {
        return refuse(d, at, "has both service and resource: keep service");
    }
    if (resource.node != NULL) {
        backend.type = BACKEND_RESOURCE;
        backend.line = decode_line(d, &resource);
    } else if (service.node == NULL) {
        return refuse(d, at, "names no Service: write " BACKEND_FORM);
    } else if (!decode_backend_service(d, &service, &backend)) {
        return false;
    }
    *out = backend;
    return true;
}
