/**
 * sim_pipe - pipes of the simulated kernel, for splice(2) between them and its sockets.
 *
 * What is spliced is received and sent as by recv(2) and send(2), with all that can happen there.
 */
#ifndef SUPPORT_SIM_PIPE_H
#define SUPPORT_SIM_PIPE_H

#include <stdint.h>
#include <sys/types.h>

/** No pipes yet. */
void sim_pipe_begin(void);

/** Bytes that were spliced out of pipes so far. */
uint64_t sim_pipe_moved(void);

/** An end of one was closed. */
void sim_pipe_closed(int fd);

/** The program's calls: results and errno as in the manual. */
int sim_pipe_open(int fds[2]);
int sim_pipe_resize(int fd, int bytes);
ssize_t sim_pipe_splice(int from, int to, size_t len);
ssize_t sim_pipe_read(int fd, void *into, size_t len);

#endif
