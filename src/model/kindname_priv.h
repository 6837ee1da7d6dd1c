/**
 * kindname - the kinds of the API groups that are known whole.
 *
 * A mistyped kind in one of them is no kind of somebody else's: an API server would refuse it.
 */
#ifndef MODEL_KINDNAME_PRIV_H
#define MODEL_KINDNAME_PRIV_H

/**
 * The kind of `api_version` that `kind` was probably meant to be.  NULL when it is one, or when not
 * all kinds of that version are known.
 */
const char *kindname_meant(const char *api_version, const char *kind);

#endif
