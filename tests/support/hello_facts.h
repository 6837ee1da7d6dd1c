/**
 * hello_facts - what a complete ClientHello says beside its name, in the words of
 * tests/data/hellos.tsv.
 */
#ifndef SUPPORT_HELLO_FACTS_H
#define SUPPORT_HELLO_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/clienthello.h"

/** Whether `info` says just what `facts` states; what differs is put into `fault`. */
bool hello_facts_hold(const char *facts, const struct clienthello_info *info, char *fault,
                      size_t room);

#endif
