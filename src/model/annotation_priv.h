/**
 * annotation_priv - the table of known annotations.
 */
#ifndef MODEL_ANNOTATION_PRIV_H
#define MODEL_ANNOTATION_PRIV_H

#include <stdbool.h>
#include <stddef.h>

enum annotation_effect {
    ANNOTATION_MARK,    /* says whether TLS is passed through */
    ANNOTATION_ACTS,    /* read and honoured */
    ANNOTATION_NOT_YET, /* ours, of a later milestone */
    ANNOTATION_NOTHING, /* known to its dialect, does nothing here */
    ANNOTATION_ANYWAY,  /* asks for what passthrough is or does in any case */
    ANNOTATION_ACCESS,  /* an access control, which is not enforced */
};

/** How a value is read; each list is of single words between blanks. */
struct annotation_words {
    const char *yes, *no, *terminate;
    const char *accepted; /* for people */
};

struct annotation_row {
    const char *name; /* behind the prefix; a '*' at its end stands for any rest */
    const struct annotation_words *words; /* of a mark, and of what acts */
    const char *anyway;                   /* with one of these values as ANNOTATION_ANYWAY */
    enum annotation_effect effect;
    bool on_service; /* also an annotation of Services */
};

struct annotation_dialect {
    const char *prefix; /* with its '/' */
    const struct annotation_row *rows;
    size_t n_rows;
    bool others_anyway; /* names without a row are ANNOTATION_ANYWAY, not ANNOTATION_NOTHING */
};

/** The dialect of a key, or NULL for a foreign tool's. */
const struct annotation_dialect *annotation_table_dialect(const char *key);

/** The row of a key of this dialect; NULL when it has none. */
const struct annotation_row *annotation_table_row(const struct annotation_dialect *dialect,
                                                  const char *key);

/** Our own dialect. */
const struct annotation_dialect *annotation_table_own(void);

/** Whether `value` is one of the words, whatever its case if so asked. */
bool annotation_table_has_word(const char *words, const char *value, bool any_case);

#endif
