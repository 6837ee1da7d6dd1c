/**
 * view - what the controller last published, where the main thread can look at it.
 *
 * The controller puts tables and reports, the newest wins; the main thread takes them as soon as
 * the bells ring, so that it never keeps an old table alive.
 */
#ifndef APP_VIEW_H
#define APP_VIEW_H

#include <event2/event.h>

#include "base/attr.h"
#include "base/mailbox.h"

struct report;
struct table;

struct view {
    struct mailbox tables, reports;
    struct event *on_table, *on_report;
    struct table *table;   /* one reference; NULL before the first */
    struct report *report; /* likewise */
};

/** One that was never opened, for view_fini(). */
#define VIEW_NONE                                                                                  \
    (struct view)                                                                                  \
    {                                                                                              \
        .tables.event_fd = -1, .reports.event_fd = -1                                              \
    }

/** Nothing there yet.  Looks by itself whenever `base` (borrowed) turns.  Returns 0 or -errno;
 * view_fini() is due in both cases. */
MUST_CHECK int view_init(struct view *v, struct event_base *base);

/** Give back what it holds.  A failed one is accepted, and VIEW_NONE. */
void view_fini(struct view *v);

/** Put one; the reference becomes the view's.  Thread: the controller's. */
void view_put_table(struct view *v, struct table *t);
void view_put_report(struct view *v, struct report *r);

/** Take the newest of both.  Thread: main. */
void view_refresh(struct view *v);

#endif
