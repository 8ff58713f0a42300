/*
 * Put under gatepostd by LD_PRELOAD: a disk that can be unplugged, filled and broken.
 *
 * Every change of a file below SHIM_DIRECTORY is done as usual and, under one lock, written to SHIM_LOG with its octets:
 * the log is the order in which the system learned of the changes. A sync is not done at all: it takes SHIM_SYNC_MICROS,
 * and the log says when it began and when it ended; what was changed before it began is on the disk once it has ended.
 * The records are described in log.rs, which reads them.
 *
 * SHIM_CONTROL is a file of three int64_t, which a test changes while the daemon runs: octets that may still be written
 * (-1: any number), the errno of every sync (0: none), octets that statvfs gives as free (-1: the truth).
 *
 * Files without a name survive nothing and are not in the log; they do take room.
 *
 * System calls that do not go through the C library are not seen. One library renames so; hence each opening of a file
 * logs the name with the inode, and each sync of a directory its whole listing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define FDS 65536

struct record {
    uint32_t kind, length;
    uint64_t nanos, inode, number;
};

struct control {
    volatile int64_t room, sync_errno, free;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char directory[PATH_MAX];
static size_t directory_length;
static int log_fd = -1;
static long sync_micros;
static struct control *control;
static struct { uint64_t inode; int is_directory, is_nameless; } files[FDS];
static uint64_t syncs;

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("SHIM_DIRECTORY"), *log = getenv("SHIM_LOG"), *at = getenv("SHIM_CONTROL");
    const char *micros = getenv("SHIM_SYNC_MICROS");
    if (!name)
        return;
    snprintf(directory, sizeof directory, "%s", name);
    directory_length = strlen(directory);
    if (log)
        log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (micros)
        sync_micros = atol(micros);
    if (at) {
        int fd = syscall(SYS_openat, AT_FDCWD, at, O_RDWR | O_CLOEXEC, 0);
        void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || map == MAP_FAILED)
            abort();
        control = map;
        syscall(SYS_close, fd);
    }
}

/* A record is one write, so that it lies in the log whole, between those of other processes. */
static void note(uint32_t kind, uint64_t inode, uint64_t number, const void *octets, size_t length)
{
    struct timespec now;
    int saved = errno;
    if (log_fd < 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct record record = {kind, length, now.tv_sec * 1000000000ull + now.tv_nsec, inode, number};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)octets, length}};
    if (syscall(SYS_writev, log_fd, parts, 2) != (ssize_t)(sizeof record + length))
        abort();
    errno = saved;
}

/* The path below the directory, or NULL where it is elsewhere. */
static const char *below(int at, const char *path, char *whole)
{
    if (!directory_length)
        return NULL;
    if (path[0] == '/' || at == AT_FDCWD) {
        snprintf(whole, PATH_MAX, "%s", path);
    } else {
        char link[64], base[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, base, sizeof base - 1);
        if (n < 0)
            return NULL;
        base[n] = 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
            return NULL;
    }
    if (strncmp(whole, directory, directory_length) != 0)
        return NULL;
    if (whole[directory_length] == 0)
        return "";
    return whole[directory_length] == '/' ? whole + directory_length + 1 : NULL;
}

static int full(void) { return control && control->room == 0; }

static int do_open(int at, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    const char *name = flags & O_PATH ? NULL : below(at, path, whole);
    int is_nameless = (flags & O_TMPFILE) == O_TMPFILE;
    if (!name)
        return syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat status;
    int is_new = (flags & O_CREAT) && !is_nameless && syscall(SYS_newfstatat, at, path, &status, 0) != 0;
    int fd = -1;
    if (is_new && full())
        errno = ENOSPC;
    else
        fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < FDS && fstat(fd, &status) == 0) {
        files[fd].inode = status.st_ino;
        files[fd].is_directory = S_ISDIR(status.st_mode);
        files[fd].is_nameless = is_nameless;
        if (!files[fd].is_directory && !is_nameless)
            note(is_new ? 'C' : 'O', status.st_ino, 0, name, strlen(name));
        if (!is_new && !is_nameless && (flags & O_TRUNC))
            note('T', status.st_ino, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE_OF(flags) return do_open(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return do_open(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return do_open(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return do_open(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static int followed(int fd) { return fd >= 0 && fd < FDS && files[fd].inode != 0; }

static void forget(int fd)
{
    if (fd >= 0 && fd < FDS)
        files[fd].inode = 0;
}

int close(int fd) { forget(fd); return syscall(SYS_close, fd); }

int closedir(DIR *stream)
{
    static int (*real)(DIR *);
    if (!real)
        real = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");
    forget(dirfd(stream));
    return real(stream);
}

static int copied(int from, int to)
{
    if (to >= 0 && to < FDS && from >= 0 && from < FDS)
        files[to] = files[from];
    return to;
}

int dup(int fd) { return copied(fd, syscall(SYS_dup, fd)); }
int dup2(int fd, int to) { return copied(fd, syscall(SYS_dup2, fd, to)); }
int dup3(int fd, int to, int flags) { return copied(fd, syscall(SYS_dup3, fd, to, flags)); }

static int do_fcntl(int fd, int command, void *argument)
{
    int result = syscall(SYS_fcntl, fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result;
}

#define ARGUMENT(last) va_list rest; va_start(rest, last); void *argument = va_arg(rest, void *); va_end(rest);

int fcntl(int fd, int command, ...) { ARGUMENT(command) return do_fcntl(fd, command, argument); }
int fcntl64(int fd, int command, ...) { ARGUMENT(command) return do_fcntl(fd, command, argument); }

/* How much of a write there is room for; 0 with errno where there is none. */
static size_t granted(size_t length)
{
    if (!control || control->room < 0)
        return length;
    size_t given = (int64_t)length < control->room ? length : (size_t)control->room;
    control->room -= given;
    if (!given && length)
        errno = ENOSPC;
    return given;
}

/* At `offset`, or where the file stands for -1. */
static ssize_t do_write(int fd, const void *octets, size_t length, off_t offset)
{
    if (!followed(fd))
        return offset < 0 ? syscall(SYS_write, fd, octets, length) : syscall(SYS_pwrite64, fd, octets, length, offset);
    pthread_mutex_lock(&lock);
    struct stat status;
    off_t at = offset;
    if (offset < 0) {
        int append = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
        at = append && fstat(fd, &status) == 0 ? status.st_size : lseek(fd, 0, SEEK_CUR);
    }
    size_t given = granted(length);
    ssize_t done = -1;
    if (given || !length) {
        done = offset < 0 ? syscall(SYS_write, fd, octets, given) : syscall(SYS_pwrite64, fd, octets, given, offset);
        if (done > 0 && !files[fd].is_nameless)
            note('W', files[fd].inode, at, octets, done);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *octets, size_t length) { return do_write(fd, octets, length, -1); }
ssize_t pwrite(int fd, const void *octets, size_t length, off_t at) { return do_write(fd, octets, length, at); }
ssize_t pwrite64(int fd, const void *octets, size_t length, off64_t at) { return do_write(fd, octets, length, at); }

/* The parts one by one: a short write is allowed at any of them. */
static ssize_t do_writev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = do_write(fd, parts[i].iov_base, parts[i].iov_len, offset < 0 ? -1 : offset + total);
        if (done < 0)
            return total ? total : -1;
        total += done;
        if ((size_t)done < parts[i].iov_len)
            break;
    }
    return total;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return followed(fd) ? do_writev(fd, parts, count, -1) : syscall(SYS_writev, fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return do_writev(fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return do_writev(fd, parts, count, at); }

int ftruncate(int fd, off_t size)
{
    if (!followed(fd))
        return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    struct stat status;
    int done = -1;
    if (full() && fstat(fd, &status) == 0 && size > status.st_size)
        errno = ENOSPC;
    else if ((done = syscall(SYS_ftruncate, fd, size)) == 0 && !files[fd].is_nameless)
        note('T', files[fd].inode, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

/* Refused as by a file system that does not have it. */
int fallocate(int fd, int mode, off_t at, off_t length)
{
    if (!followed(fd))
        return syscall(SYS_fallocate, fd, mode, at, length);
    errno = EOPNOTSUPP;
    return -1;
}
int fallocate64(int fd, int mode, off64_t at, off64_t length) { return fallocate(fd, mode, at, length); }
int posix_fallocate(int fd, off_t at, off_t length) { return fallocate(fd, 0, at, length) ? errno : 0; }
int posix_fallocate64(int fd, off64_t at, off64_t length) { return fallocate(fd, 0, at, length) ? errno : 0; }

/* Two paths in one record, a NUL between them. */
static void note_two(uint32_t kind, uint64_t inode, const char *one, const char *two)
{
    char both[2 * PATH_MAX];
    int length = snprintf(both, sizeof both, "%s%c%s", one, 0, two);
    note(kind, inode, 0, both, length);
}

static int do_rename(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char one[PATH_MAX], two[PATH_MAX];
    const char *old = below(from_at, from, one), *new = below(to_at, to, two);
    if (!old || !new)
        return syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (done == 0)
        note_two('R', 0, old, new);
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return do_rename(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return do_rename(a, from, b, to, flags); }

int unlinkat(int at, const char *path, int flags)
{
    char whole[PATH_MAX];
    const char *name = below(at, path, whole);
    if (!name)
        return syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, at, path, flags);
    if (done == 0)
        note('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    char one[PATH_MAX], two[PATH_MAX];
    const char *old = below(from_at, from, one), *new = below(to_at, to, two);
    if (!new)
        return syscall(SYS_linkat, from_at, from, to_at, to, flags);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (done == 0 && old)
        note_two('L', 0, old, new);
    pthread_mutex_unlock(&lock);
    return done;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdirat(int at, const char *path, mode_t mode)
{
    char whole[PATH_MAX];
    const char *name = below(at, path, whole);
    if (!name)
        return syscall(SYS_mkdirat, at, path, mode);
    pthread_mutex_lock(&lock);
    int done = -1;
    struct stat status;
    if (full())
        errno = ENOSPC;
    else if ((done = syscall(SYS_mkdirat, at, path, mode)) == 0 && stat(path, &status) == 0)
        note('K', status.st_ino, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* The directory's path, then each entry as its inode in decimal, a space and the name; NULs between. */
static void note_listing(int fd)
{
    char link[64], path[PATH_MAX], whole[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return;
    path[n] = 0;
    const char *name = below(AT_FDCWD, path, whole);
    DIR *stream = name ? opendir(path) : NULL;
    if (!stream)
        return;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    fputs(name, out);
    for (struct dirent *entry; (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fprintf(out, "%c%llu %s", 0, (unsigned long long)entry->d_ino, entry->d_name);
    fclose(out);
    closedir(stream);
    note('D', files[fd].inode, 0, text, length);
    free(text);
}

static int do_sync(int fd, long call)
{
    if (!followed(fd))
        return syscall(call, fd);
    pthread_mutex_lock(&lock);
    uint64_t inode = files[fd].inode, token = ++syncs;
    if (files[fd].is_directory)
        note_listing(fd);
    note('B', inode, token, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (sync_micros)
        usleep(sync_micros);
    if (control && control->sync_errno) {
        errno = control->sync_errno;
        return -1;
    }
    pthread_mutex_lock(&lock);
    note('E', inode, token, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }
/* Promises nothing, hence is not in the log. */
int sync_file_range(int fd, off64_t at, off64_t length, unsigned flags)
{
    return followed(fd) ? 0 : syscall(SYS_sync_file_range, fd, at, length, flags);
}

static int do_statvfs(const char *path, struct statvfs *out)
{
    static int (*real)(const char *, struct statvfs *);
    if (!real)
        real = (int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs");
    int done = real(path, out);
    char whole[PATH_MAX];
    if (done == 0 && control && control->free >= 0 && below(AT_FDCWD, path, whole))
        out->f_bavail = out->f_bfree = control->free / out->f_frsize;
    return done;
}
int statvfs(const char *path, struct statvfs *out) { return do_statvfs(path, out); }
int statvfs64(const char *path, struct statvfs64 *out) { return do_statvfs(path, (struct statvfs *)out); }
