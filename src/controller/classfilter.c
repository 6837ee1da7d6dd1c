#include "controller/classfilter.h"

#include <string.h>

#include "base/json.h"
#include "controller/unserved.h"
#include "model/k8sname.h"
#include "model/store.h"
#include "model/verdict.h"

#define LEGACY_CLASS "kubernetes.io/ingress.class"

enum class_answer {
    CLASS_OTHERS,  /* somebody else serves it */
    CLASS_UNKNOWN, /* nothing here has that class */
    CLASS_OURS,
    CLASS_OURS_FOREIGN, /* ours by --ingress-class, though its IngressClass names another */
};

static bool is_ours(enum class_answer a)
{
    return a == CLASS_OURS || a == CLASS_OURS_FOREIGN;
}

static bool is_named(const struct translate_config *cfg, const char *class_name)
{
    for (size_t i = 0; i < cfg->n_ingress_classes; i++) {
        if (strcmp(cfg->ingress_classes[i], class_name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_our_controller(const struct classfilter *f, const struct ingress_class *class)
{
    return strcmp(class->controller, f->cfg->controller_class) == 0;
}

/** Who serves a class; `class` is NULL when it cannot be read. */
static enum class_answer answer_for(const struct classfilter *f, const char *name,
                                    const struct ingress_class *class)
{
    bool our_controller = class && has_our_controller(f, class);

    if (is_named(f->cfg, name)) {
        return class && !our_controller ? CLASS_OURS_FOREIGN : CLASS_OURS;
    }
    if (!class) {
        return CLASS_UNKNOWN;
    }
    return our_controller && !f->cfg->ingress_class_only ? CLASS_OURS : CLASS_OTHERS;
}

void classfilter_init(struct classfilter *f, const struct translate_config *cfg,
                      const struct store *store)
{
    const struct objmeta *o = NULL;
    bool native = false; /* one of the defaults has our controller */

    *f = (struct classfilter){.cfg = cfg, .store = store};
    while ((o = store_next(store, OBJECT_INGRESS_CLASS, o)) != NULL) {
        const struct ingress_class *class = (const struct ingress_class *)o;
        enum class_answer answer;

        if (!class->is_default) {
            continue;
        }
        answer = answer_for(f, o->name, class);
        f->default_exists = true;
        f->default_is_ours = f->default_is_ours || is_ours(answer);
        native = native || answer == CLASS_OURS;
    }
    f->default_is_foreign = f->default_is_ours && !native;
}

/** The admission of a live cluster would have written the default class into the object. */
static enum class_answer answer_without_class(const struct classfilter *f)
{
    if (f->default_is_ours) {
        return f->default_is_foreign ? CLASS_OURS_FOREIGN : CLASS_OURS;
    }
    if (f->default_exists || f->cfg->ingress_class_only) {
        return CLASS_OTHERS;
    }
    return f->cfg->ingress_without_class ? CLASS_OURS : CLASS_OTHERS;
}

/** The class an Ingress asks for and the line where it does; NULL for none. */
static const char *class_of(const struct ingress *ing, unsigned *line_out)
{
    const char *name = ing->class_name;

    *line_out = ing->class_line;
    if (!name || !*name) {
        name = object_annotation(&ing->meta, LEGACY_CLASS, line_out);
    }
    return name && *name ? name : NULL;
}

/** Most Ingresses have the class of the one before. */
static enum class_answer answer_for_ingress(struct classfilter *f, const struct ingress *ing)
{
    unsigned line;
    const char *name = class_of(ing, &line);

    if (!name) {
        return answer_without_class(f);
    }
    if (!f->last_name || strcmp(f->last_name, name) != 0) {
        const struct objmeta *class = store_find(f->store, OBJECT_INGRESS_CLASS, "", name);

        f->last_answer = answer_for(f, name, (const struct ingress_class *)class);
    }
    f->last_name = name; /* of the object read last: nearer than that of the first such */
    return (enum class_answer)f->last_answer;
}

static void tell_unknown_class(const struct classfilter *f, const struct ingress *ing,
                               struct verdicts *v)
{
    unsigned line = 0;
    const char *name = class_of(ing, &line);
    char quoted[JSON_TEXT_MAX];

    if (!k8sname_is_subdomain(name)) { /* as an annotation may, and for another controller */
        verdicts_add(v, &ing->meta, line, VERDICT_NOTE, "ClassNotFound",
                     "not served: %s can be no IngressClass; if Sealway should serve it, name one "
                     "that kubectl get ingressclass lists",
                     json_quote(name, quoted));
        return;
    }
    verdicts_add(v, &ing->meta, line, VERDICT_NOTE, "ClassNotFound",
                 "not served: there is no IngressClass \"%s\" here; start Sealway with "
                 "--ingress-class %s, or add an IngressClass of that name with controller: %s",
                 name, name, f->cfg->controller_class);
}

static void tell_class_conflict(const struct ingress *ing, struct verdicts *v)
{
    unsigned line = 0;
    const char *legacy = object_annotation(&ing->meta, LEGACY_CLASS, &line);
    char overruled[JSON_TEXT_MAX], by[JSON_TEXT_MAX];

    if (!ing->class_name || !*ing->class_name || !legacy || strcmp(legacy, ing->class_name) == 0) {
        return;
    }
    verdicts_add(v, &ing->meta, line, VERDICT_WARNING, "IngressClassConflict",
                 "annotation " LEGACY_CLASS ": %s is overruled by ingressClassName: %s; remove the "
                 "annotation",
                 json_quote(legacy, overruled), json_quote(ing->class_name, by));
}

static bool needs_mark(const struct classfilter *f, enum class_answer answer)
{
    switch (f->cfg->require_annotation) {
    case REQUIRE_ON:
        return true;
    case REQUIRE_OFF:
        return false;
    case REQUIRE_AUTO:
        break;
    }
    return answer == CLASS_OURS_FOREIGN;
}

/** Skipped for lack of a mark: of its annotations only one that failed to be a mark is of interest.
 */
static void tell_no_mark(const struct ingress *ing, struct verdicts *v)
{
    struct annotation_reading reading;
    struct verdicts all;

    verdicts_init(&all);
    annotation_read(&ing->meta, &reading, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct verdict *one = &all.items[i];

        if (strcmp(one->reason, "AnnotationUnreadable") == 0) {
            verdicts_add(v, &ing->meta, one->line, one->severity, "AnnotationUnreadable", "%s",
                         one->message);
        }
    }
    v->lost = v->lost || all.lost;
    verdicts_fini(&all);
    verdicts_add(v, &ing->meta, 0, VERDICT_NOTE, "PassthroughAnnotationMissing",
                 "not served: only Ingresses marked as passthrough are taken here; mark it with "
                 "the annotation sealway.io/tls-mode: passthrough, or start Sealway with "
                 "--require-annotation off");
}

/** What an Ingress is to us. */
enum standing {
    STANDING_OTHERS,   /* somebody else's, by its class */
    STANDING_MARKED,   /* or by a mark */
    STANDING_NO_CLASS, /* nobody's: its class is not here */
    STANDING_NO_MARK,  /* of a class that is shared, and not marked as ours */
    STANDING_OURS,
};

static enum standing standing_of(struct classfilter *f, const struct ingress *ing,
                                 struct annotation_reading *reading)
{
    enum class_answer answer = answer_for_ingress(f, ing);

    if (answer == CLASS_OTHERS) {
        return STANDING_OTHERS;
    }
    annotation_read(&ing->meta, reading, NULL);
    if (reading->mark == MARK_NO) {
        return STANDING_MARKED;
    }
    if (answer == CLASS_UNKNOWN) {
        return STANDING_NO_CLASS;
    }
    if (reading->mark == MARK_NONE && !reading->terminate && needs_mark(f, answer)) {
        return STANDING_NO_MARK;
    }
    return STANDING_OURS;
}

bool classfilter_is_ours(struct classfilter *f, const struct ingress *ing)
{
    struct annotation_reading reading;

    return standing_of(f, ing, &reading) == STANDING_OURS;
}

/** The message that says that TLS is not terminated here, among the verdicts from `first` on. */
static const char *said_of_terminate(const struct verdicts *v, size_t first)
{
    static const char KEY[] = "sealway.io/tls-mode:";

    for (size_t i = first; i < v->n; i++) {
        if (strcmp(v->items[i].reason, "NotYetSupported") == 0 &&
            strncmp(v->items[i].message, KEY, sizeof(KEY) - 1) == 0) {
            return v->items[i].message;
        }
    }
    return NULL;
}

/** Read one that is ours; the rest of classfilter_admits(). */
static bool read_ours(const struct ingress *ing, struct annotation_reading *out, struct verdicts *v,
                      struct unserved *u)
{
    struct annotation_reading reading;
    size_t before = v->n;

    annotation_read(&ing->meta, &reading, v);
    tell_class_conflict(ing, v);
    if (reading.terminate) {
        unserved_add_ingress(u, ing, UNSERVED_TERMINATE, said_of_terminate(v, before));
        return false;
    }
    *out = reading;
    return true;
}

bool classfilter_admits(struct classfilter *f, const struct ingress *ing,
                        struct annotation_reading *out, struct verdicts *v, struct unserved *u)
{
    struct annotation_reading reading;
    size_t before = v->n;

    switch (standing_of(f, ing, &reading)) {
    case STANDING_OTHERS: /* without a word, and so is the next */
        unserved_add_ingress(u, ing, UNSERVED_OTHER_CLASS, NULL);
        return false;
    case STANDING_MARKED:
        unserved_add_ingress(u, ing, UNSERVED_MARKED_OTHER, NULL);
        return false;
    case STANDING_NO_CLASS:
        tell_unknown_class(f, ing, v);
        unserved_add_ingress(u, ing, UNSERVED_CLASS_NOT_FOUND, unserved_said(v, before));
        return false;
    case STANDING_NO_MARK:
        tell_no_mark(ing, v);
        unserved_add_ingress(u, ing, UNSERVED_NOT_MARKED, unserved_said(v, before));
        return false;
    case STANDING_OURS:
        break;
    }
    return read_ours(ing, out, v, u);
}
