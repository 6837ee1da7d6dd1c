/**
 * acceptheader - which of the two formats of metrics an Accept header prefers (RFC 9110, 12.5.1).
 */
#ifndef ADMIN_ACCEPTHEADER_PRIV_H
#define ADMIN_ACCEPTHEADER_PRIV_H

#include "base/prom.h"

/**
 * OpenMetrics if `accept` ranks its version 1.0.0 strictly above text of version 0.0.4; otherwise
 * text, also for NULL, for nonsense, and for who takes neither.
 */
enum prom_format acceptheader_choose(const char *accept);

#endif
