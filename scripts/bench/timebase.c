// Says what the timebase of this ppc64 machine shows, which goes on counting through a kexec:
//
//   timebase TICKS PER_SECOND

#include <stdio.h>
#include <sys/platform/ppc.h>

int main(void)
{
    uint64_t ticks = __ppc_get_timebase();
    printf("timebase %llu %llu\n", (unsigned long long)ticks, (unsigned long long)__ppc_get_timebase_freq());
    return 0;
}
