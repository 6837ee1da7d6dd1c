#include "app/view.h"

#include <errno.h>

#include "controller/report.h"
#include "route/table.h"

static void on_bell(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    view_refresh(ctx);
}

static struct event *watch(struct view *v, struct event_base *base, const struct mailbox *m)
{
    struct event *ev = event_new(base, m->event_fd, EV_READ | EV_PERSIST, on_bell, v);

    if (ev != NULL && event_add(ev, NULL) != 0) {
        event_free(ev);
        ev = NULL;
    }
    return ev;
}

int view_init(struct view *v, struct event_base *base)
{
    int rc;

    *v = VIEW_NONE;
    rc = mailbox_init(&v->tables);
    if (rc == 0) {
        rc = mailbox_init(&v->reports);
    }
    if (rc != 0) {
        return rc;
    }
    v->on_table = watch(v, base, &v->tables);
    v->on_report = watch(v, base, &v->reports);
    return v->on_table != NULL && v->on_report != NULL ? 0 : -ENOMEM;
}

void view_fini(struct view *v)
{
    view_refresh(v); /* mailboxes are closed empty */
    if (v->on_table != NULL) {
        event_free(v->on_table);
    }
    if (v->on_report != NULL) {
        event_free(v->on_report);
    }
    mailbox_fini(&v->tables);
    mailbox_fini(&v->reports);
    table_unref(v->table);
    report_unref(v->report);
    *v = VIEW_NONE;
}

void view_put_table(struct view *v, struct table *t)
{
    table_unref(mailbox_put(&v->tables, t));
}

void view_put_report(struct view *v, struct report *r)
{
    report_unref(mailbox_put(&v->reports, r));
}

void view_refresh(struct view *v)
{
    struct table *t = mailbox_take(&v->tables);
    struct report *r = mailbox_take(&v->reports);

    if (t != NULL) {
        table_unref(v->table);
        v->table = t;
    }
    if (r != NULL) {
        report_unref(v->report);
        v->report = r;
    }
}
