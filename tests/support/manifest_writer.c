#include "support/manifest_writer.h"

#include <stdio.h>
#include <stdlib.h>

static void put_ingress(FILE *f, const char *name, const char *host)
{
    fprintf(f,
            "apiVersion: networking.k8s.io/v1\n"
            "kind: Ingress\n"
            "metadata: {name: %s, namespace: test}\n"
            "spec:\n"
            "  ingressClassName: sealway\n"
            "  rules:\n"
            "  - %s%s%shttp:\n"
            "      paths:\n"
            "      - path: /\n"
            "        pathType: Prefix\n"
            "        backend: {service: {name: %s, port: {name: tls}}}\n",
            name, host[0] != '\0' ? "host: \"" : "", host, host[0] != '\0' ? "\"\n    " : "", name);
}

static void put_service(FILE *f, const char *name)
{
    fprintf(f,
            "---\n"
            "apiVersion: v1\n"
            "kind: Service\n"
            "metadata: {name: %s, namespace: test}\n"
            "spec: {ports: [{name: tls, port: 443, protocol: TCP}]}\n",
            name);
}

/* The ports of a slice hold for all its endpoints, so each endpoint gets a slice of its own. */
static void put_slice(FILE *f, const char *name, size_t index, const struct netaddr *endpoint)
{
    char ip[NETADDR_TEXT_MAX];

    fprintf(f,
            "---\n"
            "apiVersion: discovery.k8s.io/v1\n"
            "kind: EndpointSlice\n"
            "metadata: {name: %s-%zu, namespace: test, labels: {kubernetes.io/service-name: %s}}\n"
            "addressType: %s\n"
            "ports: [{name: tls, port: %u, protocol: TCP}]\n"
            "endpoints: [{addresses: [\"%s\"], conditions: {ready: true}}]\n",
            name, index, name, endpoint->family == AF_INET6 ? "IPv6" : "IPv4", endpoint->port,
            netaddr_format_ip(endpoint, ip));
}

void manifest_route(const struct tempdir *dir, const char *name, const char *host,
                    const struct netaddr *endpoints, size_t n)
{
    char file[128];
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (f == NULL) {
        perror("open_memstream");
        abort();
    }
    put_ingress(f, name, host);
    put_service(f, name);
    for (size_t i = 0; i < n; i++) {
        put_slice(f, name, i, &endpoints[i]);
    }
    fclose(f);
    snprintf(file, sizeof(file), "%s.yaml", name);
    tempdir_replace(dir, file, text);
    free(text);
}
