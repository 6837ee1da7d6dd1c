/* networking.k8s.io/v1 IngressClass. */
#include <string.h>

#include "decode_priv.h"
#include "model/k8sname.h"

static const char *decode_controller(struct decode *d, const struct json_at *spec)
{
    struct json_at at = json_field(spec, "controller");
    const char *controller = json_string(&at);
    char quoted[JSON_TEXT_MAX];

    if (at.wrong) {
        return NULL;
    }
    if (controller == NULL || controller[0] == '\0') {
        decode_say(d, &at, VERDICT_ERROR, "FieldMissing",
                   "spec.controller must be given: write sealway.io/ingress-controller to have "
                   "this class served here");
    } else if (!k8sname_is_controller(controller)) {
        decode_say(d, &at, VERDICT_ERROR, "InvalidField",
                   "spec.controller %s must be a domain and a path, as "
                   "sealway.io/ingress-controller",
                   json_quote(controller, quoted));
    }
    return controller;
}

void decode_ingressclass(struct decode *d, const struct json_at *root, struct objmeta *o)
{
    struct ingress_class *out = (struct ingress_class *)(void *)o;
    struct json_at spec = json_object(root, "spec");
    const char *is_default;

    if (spec.wrong) {
        d->refused = true;
        return;
    }
    out->controller = decode_keep(d, decode_controller(d, &spec));
    is_default = object_annotation(o, "ingressclass.kubernetes.io/is-default-class", NULL);
    out->is_default = is_default != NULL && strcmp(is_default, "true") == 0;
}
