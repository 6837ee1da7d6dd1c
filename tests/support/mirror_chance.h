/**
 * mirror_chance - random events and lists for a kubemirror, held against a trivial model.
 */
#ifndef SUPPORT_MIRROR_CHANCE_H
#define SUPPORT_MIRROR_CHANCE_H

/** So many operations; after each the store, the verdicts, the figures and the bell must be what
 * the model says.  The same seed gives the same run. */
void mirror_chance_run(unsigned seed, unsigned operations);

#endif
