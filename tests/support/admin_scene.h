/**
 * admin_scene - an admin server on a loop that the test turns, and its clients' ends of sockets.
 *
 * One thread: nothing happens but in admin_scene_turn() and what is built on it.  The pages:
 * /page (a few bytes), /big (big_bytes of 'x'), /private (for loopback clients only), /echo (path,
 * query and Accept), /fail (returns fail_with).
 */
#ifndef SUPPORT_ADMIN_SCENE_H
#define SUPPORT_ADMIN_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/adminserver.h"
#include "base/netaddr.h"

#define ADMIN_PATIENCE_MS 20000 /* how long anything may take before a test fails */
#define ADMIN_PAGE        "a page\n"

struct event_base;

struct admin_scene {
    struct event_base *base;
    struct adminserver *server;
    struct netaddr at;
    struct adminserver_limits limits; /* the default at first */
    bool open;
    size_t big_bytes; /* 1 MiB at first */
    int fail_with;
    int send_bytes;    /* SO_SNDBUF of the server's sockets; 0: the kernel's choice */
    int receive_bytes; /* SO_RCVBUF of the clients to come; 0: the kernel's choice */
    unsigned served;   /* pages made */
};

/** One answer, read whole. */
struct admin_answer {
    int status;
    char head[4096]; /* the status line and headers, with their line ends, terminated */
    char *body;      /* terminated; NULL when there was no answer */
    size_t len;
};

/**
 * Let allocations that libevent 2.1.12 does not survive the failure of succeed: evhttp's few bytes
 * for the text of an address and for a list of headers (evhttp_connection_base_bufferevent_new,
 * evhttp_request_new).  First thing in the main() of a test that tortures a server.
 */
void admin_scene_spare_evhttp(void);

/** Everything at its default, nothing started. */
void admin_scene_init(struct admin_scene *scene);

/** Listen on a free port of 127.0.0.1 and serve.  Aborts the test when that fails. */
void admin_scene_start(struct admin_scene *scene);

/** Stop what is started; the rest stays as it was set. */
void admin_scene_stop(struct admin_scene *scene);

/** Let the loop do what is due, without waiting. */
void admin_scene_turn(struct admin_scene *scene);

/** Monotonic milliseconds. */
uint64_t admin_scene_ms(void);

/** Turn the loop until `cond` holds. */
#define ADMIN_UNTIL(scene, cond)                                                                   \
    do {                                                                                           \
        uint64_t until_ = admin_scene_ms() + ADMIN_PATIENCE_MS;                                    \
        while (!(cond)) {                                                                          \
            admin_scene_turn(scene);                                                               \
            if (admin_scene_ms() > until_) {                                                       \
                fail_msg("waited in vain for: %s", #cond);                                         \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/** A connected, non-blocking socket; the server has not seen it yet. */
int admin_scene_dial(const struct admin_scene *scene);

/** Likewise, accepted by the server. */
int admin_scene_enter(struct admin_scene *scene);

/** A client that has asked for /big, which has been made, and reads nothing. */
int admin_scene_stall(struct admin_scene *scene);

/** Write all of it, turning the loop; false when the server has closed. */
bool admin_scene_write(struct admin_scene *scene, int fd, const void *bytes, size_t len);

/** Write a text. */
bool admin_scene_say(struct admin_scene *scene, int fd, const char *text);

/**
 * Read one answer as its head says; `bare`: to a HEAD, without a body.  Returns false when the
 * connection ended first.  To be freed with admin_answer_fini() in any case.
 */
bool admin_scene_read(struct admin_scene *scene, int fd, bool bare, struct admin_answer *out);

/** A fresh connection, one request, one answer; whether there was one. */
bool admin_scene_ask(struct admin_scene *scene, const char *request, struct admin_answer *out);

/** Whether that request is answered with this status.  */
bool admin_scene_gets(struct admin_scene *scene, const char *request, int status);

/** Turn the loop until the server has closed `fd`; what comes until then is dropped. */
void admin_scene_expect_end(struct admin_scene *scene, int fd);

/** Whether the server has closed it by now; reads nothing. */
bool admin_scene_ended(int fd);

/** Whether a line of the head is exactly this. */
bool admin_answer_has(const struct admin_answer *a, const char *line);

void admin_answer_fini(struct admin_answer *a);

#endif
