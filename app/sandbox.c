#include "app/sandbox.h"

#include <errno.h>

#include "app/version.h"
#include "base/error.h"

#if HVMDM_HAVE_SECCOMP

#include <sched.h>
#include <seccomp.h>

/* By what they are for. What only starting up needs (mounts, users, limits, modules) is not here.
 */
static const int allowed[] = {
    // clang-format off
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(mremap),
    SCMP_SYS(munmap), SCMP_SYS(memfd_create), SCMP_SYS(mincore), SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    /* threads and their locks; new threads below */
    SCMP_SYS(exit), SCMP_SYS(futex), SCMP_SYS(get_robust_list), SCMP_SYS(gettid),
    SCMP_SYS(membarrier), SCMP_SYS(prctl), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address),
    SCMP_SYS(tgkill),
    /* the process */
    SCMP_SYS(exit_group), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
    SCMP_SYS(getuid), SCMP_SYS(kill), SCMP_SYS(prlimit64), SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(wait4),
    /* time */
    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(time), SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_gettime), SCMP_SYS(timerfd_settime),
    /* waiting */
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pselect6), SCMP_SYS(select),
    /* descriptors: images, terminals, TAPs, KVM's and Xen's devices */
    SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fadvise64),
    SCMP_SYS(fallocate), SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(flock), SCMP_SYS(fstat),
    SCMP_SYS(fstatfs), SCMP_SYS(fsync), SCMP_SYS(ftruncate), SCMP_SYS(ioctl),
    SCMP_SYS(io_cancel), SCMP_SYS(io_destroy), SCMP_SYS(io_getevents), SCMP_SYS(io_setup),
    SCMP_SYS(io_submit), SCMP_SYS(lseek), SCMP_SYS(pipe2), SCMP_SYS(pread64), SCMP_SYS(preadv),
    SCMP_SYS(preadv2), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2),
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(sync_file_range), SCMP_SYS(write),
    SCMP_SYS(writev),
    /* files that QMP names: media, saved states, pictures. -chroot leaves it none */
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getcwd),
    SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(umask),
    /* sockets: monitors, viewers, networks */
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind), SCMP_SYS(connect),
    SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(listen),
    SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg),
    SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
    SCMP_SYS(socket), SCMP_SYS(socketpair),
    // clang-format on
};

static const int spawning[] = { SCMP_SYS(execve), SCMP_SYS(execveat) };
static const int forking[] = { SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone), SCMP_SYS(clone3) };

static int add_rules(scmp_filter_ctx filter, uint32_t action, const int *calls, unsigned n)
{
    int rc = 0;

    for (unsigned i = 0; i < n && rc == 0; i++)
        rc = seccomp_rule_add(filter, action, calls[i], 0);
    return rc;
}

/*
 * clone() may make threads only. What clone3() would do lies in memory, where a filter can't look;
 * the C library takes clone() when it is told that there is no clone3().
 */
static int add_thread_rules(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return rc;
}

static int fill(scmp_filter_ctx filter, bool spawn)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* threads that are there too */

    if (rc == 0)
        rc = add_rules(filter, SCMP_ACT_ALLOW, allowed, G_N_ELEMENTS(allowed));
    if (rc == 0)
        rc = add_rules(filter, spawn ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS, spawning,
                       G_N_ELEMENTS(spawning));
    if (rc == 0)
        rc = spawn ? add_rules(filter, SCMP_ACT_ALLOW, forking, G_N_ELEMENTS(forking))
                   : add_thread_rules(filter);
    return rc == 0 ? seccomp_load(filter) : rc;
}

bool sandbox_available(void)
{
    return true;
}

int sandbox_enter(bool spawn, GError **err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (filter == NULL)
        return fail_errno(err, ENOMEM, "-sandbox on");
    int rc = fill(filter, spawn);
    seccomp_release(filter);
    return rc < 0 ? fail_errno(err, -rc, "-sandbox on") : 0;
}

#else

bool sandbox_available(void)
{
    return false;
}

int sandbox_enter(bool spawn, GError **err)
{
    return fail(err, ENOTSUP, "-sandbox on: not compiled in (libseccomp)");
}

#endif
