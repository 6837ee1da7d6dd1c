/**
 * sockopt - options of sockets.
 */
#ifndef SUPPORT_SOCKOPT_H
#define SUPPORT_SOCKOPT_H

/** The value of an option that is an int, of getsockopt(2). */
int sockopt_of(int fd, int level, int name);

/** Close a socket with a reset (SO_LINGER 0). */
void sockopt_reset(int fd);

#endif
