#include "support/hello_facts.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

struct word {
    const char *text;
    unsigned bit;
};

static const struct word versions[] = {
    {"tls1.0", CLIENTHELLO_TLS10},
    {"tls1.1", CLIENTHELLO_TLS11},
    {"tls1.2", CLIENTHELLO_TLS12},
    {"tls1.3", CLIENTHELLO_TLS13},
};

static const struct word features[] = {
    {"pq", CLIENTHELLO_PQ_KEY_SHARE},
    {"ech", CLIENTHELLO_ECH},
    {"early_data", CLIENTHELLO_EARLY_DATA},
};

static unsigned bit_of(const struct word *words, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i].text, text) == 0) {
            return words[i].bit;
        }
    }
    return 0;
}

static bool alpn_is(const struct clienthello_info *info, const char *want)
{
    return strlen(want) == info->alpn_len && memcmp(want, info->alpn, info->alpn_len) == 0;
}

static unsigned stated_bits(const struct word *words, size_t n)
{
    unsigned bits = 0;

    for (size_t i = 0; i < n; i++) {
        bits |= words[i].bit;
    }
    return bits;
}

static bool sets_are(const struct clienthello_info *info, unsigned want_versions,
                     unsigned want_features, char *fault, size_t room)
{
    unsigned got_features = info->features & stated_bits(features, ARRAY_LEN(features));

    if (want_versions != 0 && want_versions != info->versions) {
        snprintf(fault, room, "it offers the versions 0x%x", info->versions);
        return false;
    }
    if (want_features != got_features) {
        snprintf(fault, room, "it has the features 0x%x", got_features);
        return false;
    }
    return true;
}

bool hello_facts_hold(const char *facts, const struct clienthello_info *info, char *fault,
                      size_t room)
{
    char copy[1024];
    char *rest = copy, *word;
    unsigned want_versions = 0, want_features = 0;

    snprintf(copy, sizeof(copy), "%s", facts);
    while ((word = strsep(&rest, " ")) != NULL) {
        unsigned version = bit_of(versions, ARRAY_LEN(versions), word);
        unsigned feature = bit_of(features, ARRAY_LEN(features), word);

        want_versions |= version;
        want_features |= feature;
        if (strncmp(word, "alpn=", 5) == 0) {
            if (!alpn_is(info, word + 5)) {
                snprintf(fault, room, "its ALPN is %.*s", (int)info->alpn_len, info->alpn);
                return false;
            }
        } else if (version == 0 && feature == 0) {
            snprintf(fault, room, "%.100s is no fact", word);
            return false;
        }
    }
    return sets_are(info, want_versions, want_features, fault, room);
}
