/* In the program under the thread sanitizer alone.  Its runtime makes what keeps a thread's signals in the first call that may
 * block, and one that arrives just then is lost: so that call is made here, before anything is to be seen that a test answers
 * with a signal. */
#include <poll.h>
#include <stddef.h>

__attribute__((constructor)) static void first_blocking_call(void)
{
    poll(NULL, 0, 0);
}
