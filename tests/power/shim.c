/*
 * Notes what a process writes below a directory, and what it has had synced: for tests that cut the power; and has the
 * disk full, or broken, when a test wants it.
 *
 * Put under the daemon by LD_PRELOAD. POWER_ROOT is the directory, POWER_LOG a file outside it that gets one record of
 * five numbers for each write (before it is done), for the beginning of each sync and for its end. What was written
 * before a sync began that has ended is safe.
 *
 * While there is a file POWER_LOG.full, writes below the directory fail for want of room; POWER_LOG.broken, syncs fail;
 * the number of octets in POWER_LOG.free, if there is one, is what the file system says it has left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, BEGIN = 2, END = 3 };

struct record {
	uint64_t kind, number, inode, offset, length;
};

static atomic_uint_fast64_t numbers = 1;
static int log_fd = -1;
static const char *root;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("POWER_LOG");
	root = getenv("POWER_ROOT");
	if (path && root)
		log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The inode behind a descriptor, 0 for one that is of no interest. */
static uint64_t followed(int fd)
{
	char link[64], path[4096];
	struct stat about;
	ssize_t length;
	int error = errno;
	uint64_t inode = 0;

	if (log_fd < 0 || fd == log_fd)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (length > 0) {
		path[length] = 0;
		if (!strncmp(path, root, strlen(root)) && !fstat(fd, &about) && S_ISREG(about.st_mode))
			inode = about.st_ino;
	}
	errno = error;
	return inode;
}

/* Whether a test has made a file of this name beside the log. */
static int wanted(const char *name)
{
	char path[4096];
	int error = errno, there;

	if (log_fd < 0)
		return 0;
	snprintf(path, sizeof path, "%s.%s", getenv("POWER_LOG"), name);
	there = !access(path, F_OK);
	errno = error;
	return there;
}

static int is_full(int fd)
{
	if (!wanted("full") || !followed(fd))
		return 0;
	errno = ENOSPC;
	return 1;
}

static uint64_t note(uint64_t kind, uint64_t number, uint64_t inode, uint64_t offset, uint64_t length)
{
	struct record record = { kind, number, inode, offset, length };

	if (!record.number)
		record.number = atomic_fetch_add(&numbers, 1);
	if (syscall(SYS_write, log_fd, &record, sizeof record) != sizeof record)
		_exit(99);
	return record.number;
}

static void note_write(int fd, off_t offset, size_t length)
{
	uint64_t inode = followed(fd);
	struct stat about;

	if (!inode || !length)
		return;
	if (offset < 0 && fcntl(fd, F_GETFL) & O_APPEND && !fstat(fd, &about))
		offset = about.st_size;
	else if (offset < 0)
		offset = lseek(fd, 0, SEEK_CUR);
	note(WRITE, 0, inode, offset, length);
}

#define NEXT(name) \
	static __typeof__(name) *next; \
	if (!next) \
		next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *octets, size_t length)
{
	NEXT(write);
	if (is_full(fd))
		return -1;
	note_write(fd, -1, length);
	return next(fd, octets, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	size_t length = 0;
	NEXT(writev);
	if (is_full(fd))
		return -1;
	for (int i = 0; i < count; i++)
		length += parts[i].iov_len;
	note_write(fd, -1, length);
	return next(fd, parts, count);
}

ssize_t pwrite64(int fd, const void *octets, size_t length, off64_t offset)
{
	NEXT(pwrite64);
	if (is_full(fd))
		return -1;
	note_write(fd, offset, length);
	return next(fd, octets, length, offset);
}

int fsync(int fd)
{
	NEXT(fsync);
	uint64_t inode = followed(fd), number = inode ? note(BEGIN, 0, inode, 0, 0) : 0;
	int done = inode && wanted("broken") ? (errno = EIO, -1) : next(fd);
	if (inode && !done)
		note(END, number, inode, 0, 0);
	return done;
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	uint64_t inode = followed(fd), number = inode ? note(BEGIN, 0, inode, 0, 0) : 0;
	int done = inode && wanted("broken") ? (errno = EIO, -1) : next(fd);
	if (inode && !done)
		note(END, number, inode, 0, 0);
	return done;
}

int statvfs64(const char *path, struct statvfs64 *about)
{
	char name[4096], text[32] = "";
	int done, fd;
	NEXT(statvfs64);

	done = next(path, about);
	if (done || log_fd < 0)
		return done;
	snprintf(name, sizeof name, "%s.free", getenv("POWER_LOG"));
	if ((fd = open(name, O_RDONLY | O_CLOEXEC)) >= 0) {
		if (read(fd, text, sizeof text - 1) > 0)
			about->f_bavail = strtoull(text, 0, 10) / about->f_frsize;
		close(fd);
	}
	return done;
}

int statvfs(const char *path, struct statvfs *about)
{
	return statvfs64(path, (struct statvfs64 *)about);
}
