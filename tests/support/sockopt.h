/**
 * sockopt - what a socket is set to.
 */
#ifndef SUPPORT_SOCKOPT_H
#define SUPPORT_SOCKOPT_H

/** The value of an option that is an int, of getsockopt(2). */
int sockopt_of(int fd, int level, int name);

#endif
