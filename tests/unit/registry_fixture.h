/**
 * registry_fixture - a registry of each test's own, as cmocka's setup() and teardown().
 */
#ifndef REGISTRY_FIXTURE_H
#define REGISTRY_FIXTURE_H

#include "route/registry.h"

#define FIXTURE_WORKERS 4u

static struct registry *registry;

static inline int setup(void **state)
{
    (void)state;
    registry = registry_new(FIXTURE_WORKERS, 0);
    return registry != NULL ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    registry_free(registry);
    return 0;
}

#endif
