/**
 * serviceport - which port of a Service a backend means, and words about it.
 */
#ifndef CONTROLLER_SERVICEPORT_H
#define CONTROLLER_SERVICEPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/object.h"

enum serviceport_answer {
    SERVICEPORT_FOUND,
    SERVICEPORT_MISSING,
    SERVICEPORT_NOT_TCP, /* there is one of that number or name, but only for another protocol */
};

/** Find the TCP port that `b` names by number or name.  *out is set when it is found. */
enum serviceport_answer serviceport_find(const struct service *svc, const struct ingress_backend *b,
                                         const struct service_port **out);

/** Whether no other TCP port of the Service has the number of this one. */
bool serviceport_is_alone(const struct service *svc, const struct service_port *port);

/** "443" or "https": the port as the backend writes it; returns `text`. */
const char *serviceport_as_written(const struct ingress_backend *b, char *text, size_t size);

/** "443 (https), 80 (http)": the TCP ports there are, cut short when many; returns `text`. */
const char *serviceport_list(const struct service *svc, char *text, size_t size);

#endif
