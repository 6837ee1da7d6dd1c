#include "yamlread_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/json.h"
#include "docbuild_priv.h"
#include "yamlanchors_priv.h"
#include "yamlscalar_priv.h"
#include "yamlsyntax_priv.h"

#define CORE_TAG "tag:yaml.org,2002:"

struct reader {
    struct docbuild *b;
    struct yamlsyntax_text text;
    struct yamlanchors anchors; /* of the document under way */
    size_t skipping;            /* levels open within a key that is no text */
};

static unsigned line_of(const yaml_mark_t *mark)
{
    return (unsigned)mark->line + 1;
}

static int set_anchor(struct reader *r, const yaml_char_t *name, const struct docnode *node)
{
    return name != NULL ? yamlanchors_set(&r->anchors, (const char *)name, node) : 0;
}

/* The name of a core tag ("int"), "" for none, NULL for one that is not known. */
static const char *core_tag(const yaml_char_t *tag)
{
    const char *t = (const char *)tag;

    if (t == NULL) {
        return "";
    }
    if (strcmp(t, "!") == 0) {
        return "str"; /* "not resolved": a text, whatever it looks like */
    }
    return strncmp(t, CORE_TAG, strlen(CORE_TAG)) == 0 ? t + strlen(CORE_TAG) : NULL;
}

static int fault_tag(struct reader *r, const yaml_char_t *tag, unsigned line)
{
    char quoted[JSON_TEXT_MAX];

    return docbuild_fault(r->b, line, "the tag %s does not fit here: remove it",
                          json_quote((const char *)tag, quoted));
}

static bool tag_fits(const char *tag, enum yamlscalar_type type)
{
    switch (type) {
    case YAMLSCALAR_NULL:
        return strcmp(tag, "null") == 0;
    case YAMLSCALAR_TRUE:
    case YAMLSCALAR_FALSE:
        return strcmp(tag, "bool") == 0;
    case YAMLSCALAR_INT:
        return strcmp(tag, "int") == 0 || strcmp(tag, "float") == 0;
    case YAMLSCALAR_FLOAT:
    case YAMLSCALAR_NO_JSON:
        return strcmp(tag, "float") == 0;
    case YAMLSCALAR_STRING:
        break;
    }
    return false;
}

static int set_type(struct reader *r, const yaml_event_t *ev, enum yamlscalar_type type,
                    struct docscalar *s)
{
    static const int types[] = {
        [YAMLSCALAR_STRING] = cJSON_String, [YAMLSCALAR_NULL] = cJSON_NULL,
        [YAMLSCALAR_TRUE] = cJSON_True,     [YAMLSCALAR_FALSE] = cJSON_False,
        [YAMLSCALAR_INT] = cJSON_Number,    [YAMLSCALAR_FLOAT] = cJSON_Number,
    };
    char quoted[JSON_TEXT_MAX];

    if (type == YAMLSCALAR_NO_JSON) {
        return docbuild_fault(r->b, line_of(&ev->start_mark),
                              "%s is no number that JSON has: quote it to make it a text",
                              json_quote((const char *)ev->data.scalar.value, quoted));
    }
    s->type = types[type];
    return 0;
}

/* What a scalar is, by its tag or, plain and without one, by its look. */
static int resolve(struct reader *r, const yaml_event_t *ev, struct docscalar *s)
{
    const char *text = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    const char *tag = core_tag(ev->data.scalar.tag);
    enum yamlscalar_type type;

    *s = (struct docscalar){.type = cJSON_String, .text = text, .len = len};
    if (tag == NULL) {
        return fault_tag(r, ev->data.scalar.tag, line_of(&ev->start_mark));
    }
    if (strcmp(tag, "str") == 0 || strcmp(tag, "timestamp") == 0 ||
        (tag[0] == '\0' && ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)) {
        return 0;
    }
    type = yamlscalar_resolve(text, len, &s->number);
    if (tag[0] != '\0' && !tag_fits(tag, type)) {
        return fault_tag(r, ev->data.scalar.tag, line_of(&ev->start_mark));
    }
    return set_type(r, ev, type, s);
}

/* JSON has texts for keys only: others are written as text, as sigs.k8s.io/yaml does. */
static int key_text(struct reader *r, const struct docscalar *s, unsigned line, char number[32],
                    const char **out)
{
    if (s->type == cJSON_NULL) {
        return docbuild_fault(r->b, line,
                              "a key is missing before the colon: write one, in quotes "
                              "if it is to be \"null\" or \"~\"");
    }
    if (s->type == cJSON_Number) {
        (void)snprintf(number, 32, "%.15g", s->number);
        *out = number;
    } else {
        *out = s->type == cJSON_True ? "true" : s->type == cJSON_False ? "false" : NULL;
    }
    return 0;
}

static int take_key(struct reader *r, const struct docscalar *s, bool plain, unsigned line)
{
    const char *text = NULL;
    char number[32];
    int rc;

    if (plain && s->len == 2 && memcmp(s->text, "<<", 2) == 0) {
        rc =
            docbuild_fault(r->b, line, "merge keys (<<) are not read: write the merged fields out");
    } else {
        rc = key_text(r, s, line, number, &text);
    }
    if (rc < 0) {
        return rc;
    }
    return text != NULL ? docbuild_key(r->b, text, strlen(text), line)
                        : docbuild_key(r->b, s->text, s->len, line);
}

static int take_scalar(struct reader *r, const yaml_event_t *ev)
{
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    unsigned line = line_of(&ev->start_mark);
    struct docnode *node;
    struct docscalar s;
    int rc = resolve(r, ev, &s);

    if (rc < 0) {
        return rc;
    }
    if (!docbuild_wants_key(r->b)) {
        rc = docbuild_scalar(r->b, &s, line, &node);
        return rc < 0 ? rc : set_anchor(r, ev->data.scalar.anchor, node);
    }
    if (ev->data.scalar.anchor != NULL) {
        rc = docbuild_fault(r->b, line, "an anchor on a key is not read: remove it");
    }
    return rc < 0 ? rc : take_key(r, &s, plain, line);
}

/* An alias to nothing, which may have been meant as a text; the text then stands in its place. */
static int take_lost_alias(struct reader *r, const char *name, unsigned line)
{
    char quoted[JSON_TEXT_MAX];
    const struct docscalar s = {.type = cJSON_String, .text = name, .len = strlen(name)};
    int rc = docbuild_fault(r->b, line,
                            "there is no anchor %s above this alias; if it is a text, quote it: "
                            "\"*%.100s\"",
                            json_quote(name, quoted), name);

    if (rc < 0) {
        return rc;
    }
    return docbuild_wants_key(r->b) ? docbuild_key(r->b, s.text, s.len, line)
                                    : docbuild_scalar(r->b, &s, line, NULL);
}

static int take_alias(struct reader *r, const yaml_event_t *ev)
{
    const char *name = (const char *)ev->data.alias.anchor;
    const struct docnode *target = yamlanchors_find(&r->anchors, name);
    unsigned line = line_of(&ev->start_mark);

    if (target == NULL) {
        return take_lost_alias(r, name, line);
    }
    return docbuild_wants_key(r->b) ? docbuild_key_again(r->b, target, line)
                                    : docbuild_again(r->b, target, line);
}

/* A mapping or list as a key: passed over as a whole, and a key put in its place. */
static int skip_key(struct reader *r, const yaml_event_t *ev)
{
    r->skipping = 1;
    return docbuild_fault(r->b, line_of(&ev->start_mark),
                          "a mapping or list cannot be a key: quote it, if it is a text (a "
                          "template must be rendered first)");
}

static int skip_event(struct reader *r, const yaml_event_t *ev)
{
    if (ev->type == YAML_MAPPING_START_EVENT || ev->type == YAML_SEQUENCE_START_EVENT) {
        r->skipping++;
    } else if (ev->type == YAML_MAPPING_END_EVENT || ev->type == YAML_SEQUENCE_END_EVENT) {
        r->skipping--;
    }
    return r->skipping > 0 ? 0 : docbuild_key(r->b, "?", 1, line_of(&ev->start_mark));
}

static int take_open(struct reader *r, const yaml_event_t *ev, bool object)
{
    const yaml_char_t *tag = object ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;
    const yaml_char_t *anchor =
        object ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
    unsigned line = line_of(&ev->start_mark);
    const char *core = core_tag(tag);
    struct docnode *node = NULL;
    int rc = 0;

    if (docbuild_wants_key(r->b)) {
        return skip_key(r, ev);
    }
    if (tag != NULL && strcmp((const char *)tag, "!") != 0 &&
        (core == NULL || strcmp(core, object ? "map" : "seq") != 0)) {
        rc = fault_tag(r, tag, line);
    }
    if (rc == 0) {
        rc = docbuild_open(r->b, object, line, &node);
    }
    return rc < 0 ? rc : set_anchor(r, anchor, node);
}

static int take_event(struct reader *r, const yaml_event_t *ev)
{
    if (r->skipping > 0) {
        return skip_event(r, ev);
    }
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(r, ev);
    case YAML_ALIAS_EVENT:
        return take_alias(r, ev);
    case YAML_MAPPING_START_EVENT:
        return take_open(r, ev, true);
    case YAML_SEQUENCE_START_EVENT:
        return take_open(r, ev, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return docbuild_close(r->b);
    case YAML_DOCUMENT_END_EVENT:
        yamlanchors_fini(&r->anchors);
        return docbuild_end(r->b);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        break;
    }
    return 0;
}

static int read_events(struct reader *r, yaml_parser_t *parser)
{
    bool more = true;
    int rc = 0;

    while (rc == 0 && more) {
        yaml_event_t ev;

        if (!yaml_parser_parse(parser, &ev)) {
            return yamlsyntax_fail(r->b, &r->text, parser);
        }
        more = ev.type != YAML_STREAM_END_EVENT;
        rc = take_event(r, &ev);
        yaml_event_delete(&ev);
    }
    return rc;
}

int yamlread_parse(const char *text, size_t len, struct docbuild *b)
{
    struct reader r = {.b = b, .text = {text, text + len}};
    yaml_parser_t parser;
    int rc;

    yamlanchors_init(&r.anchors);
    if (!yaml_parser_initialize(&parser)) {
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    rc = read_events(&r, &parser);
    yaml_parser_delete(&parser);
    yamlanchors_fini(&r.anchors);
    return rc;
}
