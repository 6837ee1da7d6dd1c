/**
 * kuberow - what tests of one fault each share: a shop that is watched, looks at what was asked.
 *
 * On a kubescene, whose clock it is that counts here.
 */
#ifndef SUPPORT_KUBEROW_H
#define SUPPORT_KUBEROW_H

#include <stdbool.h>
#include <stdint.h>

#include "support/kubescene.h"

/** Start it with the class, and Ingress, Service and slice shop/web; all listed and watched, for so
 * long that what fails now is nothing that failed a moment ago. */
void kuberow_start(struct kubescene *s, const struct kubescene_config *cfg);

/** Let watches grow old: what ends after this lasted. */
void kuberow_grow_old(struct kubescene *s);

/** How many requests there were. */
unsigned kuberow_count(struct kubescene *s, enum fakeapi_verb verb, enum fakeapi_resource res);

/** Number `n` of them from 0 on; it must be there. */
void kuberow_request(struct kubescene *s, const struct fakeapi_match *m, unsigned n,
                     struct fakeapi_request *out);

/** Let time pass until there were so many; false: not within `limit_ms`. */
bool kuberow_asked(struct kubescene *s, const struct fakeapi_match *m, unsigned n,
                   uint64_t limit_ms);

/** Let time pass until there were `n` watches of Ingresses and one is open now; fails otherwise. */
void kuberow_await_watch(struct kubescene *s, unsigned n);

/** Between the requests numbered `n` and `n` + 1. */
uint64_t kuberow_gap_ms(struct kubescene *s, const struct fakeapi_match *m, unsigned n);

/** That the list of Ingresses numbered `n` was asked for with this query, made as for printf. */
void kuberow_expect_list(struct kubescene *s, unsigned n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** That their watch numbered `n` began behind that version, with bookmarks and a timeout. */
void kuberow_expect_watch(struct kubescene *s, unsigned n, uint64_t version);

/** That the store holds as many objects of each kind as the server, and no watch is there twice. */
void kuberow_expect_same(struct kubescene *s);

/** Whether the source says that what it holds is what there is. */
bool kuberow_is_live(const struct kubescene *s);

/** The figures of Ingresses. */
uint64_t kuberow_events(const struct kubescene *s);
uint64_t kuberow_relists(const struct kubescene *s);
uint64_t kuberow_errors(const struct kubescene *s);

/** "All Ingresses" as a match for the server's functions. */
extern const struct fakeapi_match kuberow_lists, kuberow_watches;

#endif
