/**
 * objects - Kubernetes objects for tests: short YAML, and a store made of it.
 *
 * A test cannot go on without its objects, so whatever is wrong with them is printed and aborts.
 */
#ifndef SUPPORT_OBJECTS_H
#define SUPPORT_OBJECTS_H

struct store;

/* One document each, in YAML's flow style; all arguments are string literals. */
#define INGRESS_CLASS(name, controller, meta)                                                      \
    "apiVersion: networking.k8s.io/v1\n"                                                           \
    "kind: IngressClass\n"                                                                         \
    "metadata: {name: " name meta "}\n"                                                            \
    "spec: {controller: " controller "}\n"                                                         \
    "---\n"
#define IS_DEFAULT ", annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}"

#define INGRESS(ns, name, meta, spec)                                                              \
    "apiVersion: networking.k8s.io/v1\n"                                                           \
    "kind: Ingress\n"                                                                              \
    "metadata: {namespace: " ns ", name: " name meta "}\n"                                         \
    "spec: {" spec "}\n"                                                                           \
    "---\n"
#define ANNOTATED(list) ", annotations: {" list "}"
#define CREATED(time)   ", creationTimestamp: '" time "'"
#define OF_CLASS(name)  "ingressClassName: " name ", "
#define OURS            OF_CLASS("sealway")

#define RULES(list)              "rules: [" list "]"
#define RULE(host, paths)        "{host: '" host "', http: {paths: [" paths "]}}"
#define RULE_WITHOUT_HOST(paths) "{http: {paths: [" paths "]}}"
#define RULE_WITHOUT_HTTP(host)  "{host: '" host "'}"
#define PATH(path, service, port)                                                                  \
    "{path: '" path "', pathType: Prefix, backend: " BACKEND(service, port) "}"
#define BACKEND(service, port) "{service: {name: " service ", port: {" port "}}}"
#define RESOURCE               "{resource: {apiGroup: k8s.example.com, kind: Bucket, name: files}}"
/* The usual one: everything of a host to one port of a Service. */
#define HOST(host, service, port) RULE(host, PATH("/", service, port))

#define SERVICE(ns, name, spec)                                                                    \
    "apiVersion: v1\n"                                                                             \
    "kind: Service\n"                                                                              \
    "metadata: {namespace: " ns ", name: " name "}\n"                                              \
    "spec: {" spec "}\n"                                                                           \
    "---\n"
#define HTTPS_PORT "ports: [{name: https, port: 443}]"

#define SLICE(ns, name, service, ports, endpoints)                                                 \
    "apiVersion: discovery.k8s.io/v1\n"                                                            \
    "kind: EndpointSlice\n"                                                                        \
    "metadata: {namespace: " ns ", name: " name ", labels: {kubernetes.io/service-name: " service  \
    "}}\n"                                                                                         \
    "addressType: IPv4\n"                                                                          \
    "ports: [" ports "]\n"                                                                         \
    "endpoints: [" endpoints "]\n"                                                                 \
    "---\n"
#define READY(ip)                "{addresses: ['" ip "']}"
#define ENDPOINT(ip, conditions) "{addresses: ['" ip "'], conditions: {" conditions "}}"
#define HTTPS_SLICE(ns, name, service, endpoints)                                                  \
    SLICE(ns, name, service, "{name: https, port: 8443, protocol: TCP}", endpoints)

/** A Service of port 443 (https) with one ready endpoint at `ip`, port 8443. */
#define SERVED(ns, name, ip)                                                                       \
    SERVICE(ns, name, HTTPS_PORT) HTTPS_SLICE(ns, name "-1", name, READY(ip))

#define OUR_CLASS INGRESS_CLASS("sealway", "sealway.io/ingress-controller", "")

/** A store that holds the objects of `yaml`. */
struct store *objects_store(const char *yaml);

/** Put the objects of `yaml` into a store, in place of those of the same name. */
void objects_put(struct store *s, const char *yaml);

#endif
