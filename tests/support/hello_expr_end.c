/* The end of a hello: its true lengths, its lies, its records. */
#include <string.h>

#include "base/attr.h"
#include "support/hello_expr_priv.h"
#include "support/hello_text.h"

/* A length of `width` bytes at `field`, overwritten with what a lie says ("+4" is four more). */
static bool tell_lie(uint8_t *field, size_t width, const char *says)
{
    bool relative = *says == '+' || *says == '-';
    size_t value, truth = 0;

    if (!hello_text_number(says + relative, 10, &value)) {
        return false;
    }
    for (size_t i = 0; i < width; i++) {
        truth = truth << 8 | field[i];
    }
    value = !relative ? value : *says == '+' ? truth + value : truth - value;
    for (size_t i = 0; i < width; i++) {
        field[i] = (uint8_t)(value >> 8 * (width - 1 - i));
    }
    return true;
}

static bool apply_lie(struct evaluation *e, const char *lie, uint8_t *first_record)
{
    static const char *const names[HELLO_FIELDS] = {
        "message",       "session",   "ciphers",    "compression", "extensions", "name-ext",
        "name-list",     "name",      "alpn-ext",   "alpn-list",   "alpn-name",  "versions-ext",
        "versions-list", "share-ext", "share-list", "share-key",
    };
    const char *colon = strchr(lie, ':');
    size_t n = colon != NULL ? (size_t)(colon - lie) : 0;

    if (n == strlen("record") && strncmp(lie, "record", n) == 0) {
        return first_record == NULL || tell_lie(first_record + 3, 2, colon + 1);
    }
    for (unsigned i = 0; i < HELLO_FIELDS && n > 0; i++) {
        const struct hello_length *l = &e->hello.lengths[i];

        if (strlen(names[i]) == n && strncmp(lie, names[i], n) == 0 && l->width > 0) {
            return first_record != NULL ||
                   tell_lie(e->hello.message.data + l->at, l->width, colon + 1);
        }
    }
    return false;
}

/* Before the records are made the lies about the message are told, then those about records. */
static bool apply_lies(struct evaluation *e, uint8_t *first_record)
{
    for (size_t i = 0; i < e->n_lies; i++) {
        if (!apply_lie(e, e->lies[i], first_record)) {
            return false;
        }
    }
    return true;
}

static void set_versions(struct hello_bytes *raw, size_t at, size_t version)
{
    while (at < raw->len) {
        raw->data[at + 1] = (uint8_t)(version >> 8);
        raw->data[at + 2] = (uint8_t)version;
        at += 5 + ((size_t)raw->data[at + 3] << 8 | raw->data[at + 4]);
    }
}

static void end_message(struct evaluation *e)
{
    hello_end(&e->hello);
    hello_bytes_add(&e->hello.message, e->tail.data, e->tail.len);
    hello_lie(&e->hello, HELLO_MESSAGE, e->hello.message.len - 4);
}

static bool put_records(struct evaluation *e)
{
    struct hello_bytes *raw = &e->out->raw;
    const struct hello_bytes *message = &e->hello.message;
    size_t start = raw->len;

    if (e->n_splits > 0 && e->splits[e->n_splits - 1] > message->len) {
        return false;
    }
    if (e->n_splits > 0) {
        hello_records_at(raw, message, e->splits, e->n_splits);
    } else {
        hello_records(raw, message, e->record_bytes);
    }
    set_versions(raw, start, e->record_version);
    return apply_lies(e, raw->data + start);
}

bool hello_expr_end(struct evaluation *e)
{
    hello_expr_begin(e);
    end_message(e);
    return apply_lies(e, NULL) && put_records(e);
}
