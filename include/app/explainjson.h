/**
 * explainjson - a decision for a program: one JSON object, its keys stable.
 *
 *   name        {given, kind, lookup}: as sent; one of explainwords_name(); as looked up or null
 *   alpn, client  as asked, or null
 *   routed      whether there is a route (it may have no endpoint)
 *   match       one of explainwords_match()
 *   route       null, or {host, namespace, ingress, service, port, active*}; host "" catches all
 *   endpoints   [{address, state, active*, skipped_for_seconds*}]
 *   fault       null, or the verdict that says why there is no endpoint, or not all
 *   answer      {action, alert, option, if_unreachable}: action is relay, alert, close or reset;
 *               alert is null or {name, code}; option is null or the one that decides;
 *               if_unreachable is null, or of the same form when the action is relay
 *   candidates  [{kind, host, standing, namespace, ingress, service, port, lost, unserved,
 *               left_out}]; namespace to port are null where nobody serves the host;
 *               lost is [{namespace, ingress, service, port, reason}],
 *               unserved is [{namespace, ingress, reason, verdict}], verdict may be null
 *   nearest     of a name that nobody names: the most similar host, or null
 *   problems    [verdict]: errors that may have been meant for the name
 *   problems_left_out
 *   errors      how many errors stand in all
 *   notes       [text]
 *   generation*, published*, age_seconds*
 *
 * A verdict is {severity, reason, kind, namespace, name, file, line, message}; file and line are
 * null where there is none.  Keys with a star are there only for a running instance.
 */
#ifndef APP_EXPLAINJSON_H
#define APP_EXPLAINJSON_H

#include <stddef.h>

#include "base/attr.h"

struct buf;
struct explain;
struct jsonout;
struct verdict;

/** Write it behind what `out` holds.  0, -ENOMEM or -ENOBUFS. */
MUST_CHECK int explainjson_write(const struct explain *x, struct buf *out);

/** Write one verdict as an object (key NULL in a list), or null. */
void explainjson_verdict(struct jsonout *j, const char *key, const struct verdict *v);

#endif
