/**
 * judged - which verdicts are ours to report.
 *
 * Manifests are decoded before anybody knows whose an Ingress is: the IngressClass that tells may
 * stand in another file.  What decoding found in an Ingress that somebody else serves is for them
 * to say.
 */
#ifndef CONTROLLER_JUDGED_H
#define CONTROLLER_JUDGED_H

struct store;
struct translate_config;
struct verdicts;

/**
 * Drop from `v`, what decoding the objects of `store` said, all that is about an Ingress in the
 * store that is not ours.  An object that was refused (and so is not in the store) stays judged: an
 * API server would refuse it, too.  Call it before translate() adds to `v`.
 */
void judged_filter(const struct translate_config *cfg, const struct store *store,
                   struct verdicts *v);

#endif
