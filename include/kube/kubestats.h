/**
 * kubestats - figures of one watched collection, written by the controller thread, read by any.
 */
#ifndef KUBE_KUBESTATS_H
#define KUBE_KUBESTATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Collections that are watched, as metric labels name them ("ingresses", ...). */
struct kubestats {
    _Atomic uint64_t events;  /* objects added, modified, deleted in watches */
    _Atomic uint64_t skipped; /* events of a type or kind not known, items of such a kind */
    _Atomic uint64_t errors;  /* lists and watches that failed, but for 410 and an end in order */
    _Atomic uint64_t relists; /* complete lists, but for the first of each watch */
    _Atomic uint64_t
        drifts; /* objects that a periodic list found to differ from what events told */
    _Atomic int64_t
        last_event_ms;         /* wall clock, Unix: an event, bookmark or complete list; 0: never */
    _Atomic uint64_t objects;  /* held now */
    _Atomic uint64_t unsynced; /* watches that have not been synced yet */
    atomic_bool synced;        /* none such is left: of each, one list was complete */
};

#endif
