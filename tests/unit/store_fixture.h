/**
 * store_fixture - objects of a few words each, for the tests of the store.
 */
#ifndef UNIT_STORE_FIXTURE_H
#define UNIT_STORE_FIXTURE_H

#include <stdio.h>

#include "model/store.h"
#include "support/decoded.h"

static inline struct objmeta *service(const char *ns, const char *name)
{
    char json[400];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': '%s', 'namespace': "
             "'%s'}, 'spec': {'ports': [{'port': 443}]}}",
             name, ns);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

static inline struct objmeta *slice(const char *ns, const char *name, const char *of)
{
    char json[400];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',"
             " 'metadata': {'name': '%s', 'namespace': '%s', 'labels': "
             "{'kubernetes.io/service-name': '%s'}}}",
             name, ns, of);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

static inline struct objmeta *ingress(const char *ns, const char *name, const char *backend)
{
    char json[500];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': '%s', "
             "'namespace': '%s'}, 'spec': {'rules': [{'host': 'a.test', 'http': {'paths': [{'path':"
             " '/', 'pathType': 'Prefix', 'backend': {'service': {'name': '%s', 'port': {'number': "
             "443}}}}]}}]}}",
             name, ns, backend);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

static inline struct objmeta *ingress_class(const char *name)
{
    char json[300];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressClass', 'metadata': {'name': "
             "'%s'}, 'spec': {'controller': 'sealway.io/ingress-controller'}}",
             name);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

static inline struct objmeta *endpoints(const char *ns, const char *name)
{
    char json[200];
    struct decoded d;
    struct objmeta *o;

    snprintf(json, sizeof(json),
             "{'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'name': '%s', 'namespace': "
             "'%s'}}",
             name, ns);
    decoded_init_api(&d, json);
    o = object_ref(d.o);
    decoded_fini(&d);
    return o;
}

/* Put and give the reference away: the store holds its own. */
static inline int put(struct store *s, struct objmeta *o)
{
    int rc = store_put(s, o);

    object_unref(o);
    return rc;
}

#endif
