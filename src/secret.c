#include "secret.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#define SECRETS_MAX 64

/* Never taken out and never changed, so that readers take no lock: those below `known` are there. */
static struct {
    char *text;
    size_t n;
} secrets[SECRETS_MAX];
static atomic_size_t known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one writer */
static struct rlimit core_before;

static void no_core_file(void)
{
    if (getrlimit(RLIMIT_CORE, &core_before) != 0)
        return;
    const struct rlimit none = {0, core_before.rlim_max};
    setrlimit(RLIMIT_CORE, &none);
}

static bool is_known(const char *s, size_t n)
{
    for (size_t i = 0; i < atomic_load(&known); i++)
        if (secrets[i].n == n && memcmp(secrets[i].text, s, n) == 0)
            return true;
    return false;
}

/* What manuals tell people to give to a server that asks for no key, but to a client that wants one.  These words stand in names
 * of models, servers and hosts, which would not be readable any more. */
static bool is_placeholder(const char *s, size_t n)
{
    static const char *const words[] = {"ollama", "lm-studio", "llama.cpp", "openai", "not-needed", "no-key-required", "sk-no-key-required", "placeholder"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == n && strncasecmp(words[i], s, n) == 0)
            return true;
    return false;
}

void secret_add(const char *s, size_t n)
{
    if (n < SECRET_LEAST || is_placeholder(s, n))
        return;
    pthread_mutex_lock(&lock);
    size_t i = atomic_load(&known);
    char *text = i < SECRETS_MAX && !is_known(s, n) ? malloc(n) : NULL;
    if (text != NULL) {
        memcpy(text, s, n);
        secrets[i].text = text;
        secrets[i].n = n;
        if (i == 0)
            no_core_file();
        atomic_store(&known, i + 1);
    }
    pthread_mutex_unlock(&lock);
}

/* The end of a secret at the beginning of the text. */
static size_t end_of(const char *secret, size_t k, const char *s, size_t n)
{
    for (size_t part = k - 1; part >= SECRET_LEAST; part--)
        if (part <= n && memcmp(secret + k - part, s, part) == 0)
            return part;
    return 0;
}

size_t secret_at(const char *s, size_t n, size_t at)
{
    size_t count = atomic_load_explicit(&known, memory_order_acquire), most = 0, left = n - at;
    for (size_t i = 0; i < count; i++) {
        const char *secret = secrets[i].text;
        size_t k = secrets[i].n, here = 0;
        if (s[at] == secret[0] && left >= SECRET_LEAST) {
            size_t part = left < k ? left : k;
            here = memcmp(s + at, secret, part) == 0 ? part : 0;
        }
        if (at == 0 && here == 0)
            here = end_of(secret, k, s, n);
        most = here > most ? here : most;
    }
    return most;
}

void secret_child(void)
{
    if (atomic_load(&known) > 0)
        setrlimit(RLIMIT_CORE, &core_before);
}
