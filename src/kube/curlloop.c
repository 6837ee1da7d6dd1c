#include "curlloop_priv.h"

#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/limits.h"

/* A socket that libcurl wants watched. */
struct watched {
    struct curlloop *loop;
    struct event event;
};

struct curlloop {
    unsigned refs;
    struct event_base *base;
    CURLM *multi;
    struct event timer;
    curlloop_done_fn *on_done;
    void *ctx;
    bool is_broken;
};

/* Tell of each transfer that ended.  A callback may add and remove others, hence one at a time. */
static void collect(struct curlloop *l)
{
    struct CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(l->multi, &left)) != NULL) {
        CURL *easy = msg->easy_handle;
        CURLcode code = msg->data.result;

        (void)curl_multi_remove_handle(l->multi, easy); /* fails for bad arguments only */
        l->on_done(l->ctx, easy, code);
    }
}

static void act(struct curlloop *l, curl_socket_t fd, int what)
{
    int running;

    (void)curlloop_ref(l); /* the last transfer on it may end here */
    if (curl_multi_socket_action(l->multi, fd, what, &running) != CURLM_OK) {
        l->is_broken = true;
    }
    collect(l);
    if (l->is_broken) {
        l->on_done(l->ctx, NULL, CURLE_OUT_OF_MEMORY);
    }
    curlloop_unref(l);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    const struct watched *w = ctx;

    act(w->loop, fd,
        ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
            ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    struct curlloop *l = ctx;
    struct timeval after = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0) {
        (void)event_del(&l->timer);
        return 0;
    }
    if (event_add(&l->timer, &after) != 0) {
        l->is_broken = true; /* -1 would leave a transfer that is just being added half added */
    }
    return 0;
}

static void unwatch(struct watched *w)
{
    (void)event_del(&w->event);
    free(w);
}

/* A new one, its event not set yet. */
static struct watched *watch(struct curlloop *l, curl_socket_t fd)
{
    struct watched *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->loop = l;
    (void)event_assign(&w->event, l->base, fd, EV_PERSIST, on_ready, w);
    (void)curl_multi_assign(l->multi, fd, w); /* the socket is known to it: it asked */
    return w;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
    struct curlloop *l = ctx;
    struct watched *w = of_socket;
    int events = EV_PERSIST | ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            unwatch(w);
        }
        return 0;
    }
    if (w == NULL && (w = watch(l, fd)) == NULL) {
        l->is_broken = true;
        return 0;
    }
    (void)event_del(&w->event);
    (void)event_assign(&w->event, l->base, fd, (short)events, on_ready, w);
    if (event_add(&w->event, NULL) != 0) {
        l->is_broken = true;
    }
    return 0;
}

static bool set_up(CURLM *m, struct curlloop *l)
{
    const long kept = 4l * LIMIT_KUBE_NAMESPACES; /* a watch of each kind in each */

    return curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_SOCKETDATA, l) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer_wanted) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERDATA, l) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, kept) == CURLM_OK;
}

struct curlloop *curlloop_new(struct event_base *base, curlloop_done_fn *on_done, void *ctx)
{
    struct curlloop *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        return NULL;
    }
    l->refs = 1;
    l->base = base;
    l->on_done = on_done;
    l->ctx = ctx;
    (void)event_assign(&l->timer, base, -1, 0, on_timer, l);
    l->multi = curl_multi_init();
    if (l->multi == NULL || !set_up(l->multi, l)) {
        curlloop_unref(l);
        return NULL;
    }
    return l;
}

struct curlloop *curlloop_ref(struct curlloop *l)
{
    l->refs++;
    return l;
}

void curlloop_unref(struct curlloop *l)
{
    if (l == NULL || --l->refs > 0) {
        return;
    }
    if (l->multi != NULL) {
        (void)curl_multi_cleanup(l->multi); /* no transfer is left, so nothing is watched */
    }
    (void)event_del(&l->timer);
    free(l);
}

CURLMcode curlloop_add(struct curlloop *l, CURL *easy)
{
    return curl_multi_add_handle(l->multi, easy);
}

void curlloop_remove(struct curlloop *l, CURL *easy)
{
    (void)curl_multi_remove_handle(l->multi, easy); /* fails for bad arguments only */
}

bool curlloop_is_broken(const struct curlloop *l)
{
    return l->is_broken;
}
