/**
 * kubetoken - what may stand behind "Authorization: Bearer".
 */
#ifndef KUBE_KUBETOKEN_PRIV_H
#define KUBE_KUBETOKEN_PRIV_H

#include <stdbool.h>

/** Whether it is a token: visible ASCII and something, so that no header can be smuggled in. */
bool kubetoken_is_good(const char *text);

/** Take white space off both ends, in place. */
void kubetoken_trim(char *text);

#endif
