// Stands between SQLite and the C library (LD_PRELOAD): fails calls, kills the
// process at one, and logs what reaches the disk. It only touches files under
// SOAK_DIR. fsync returns without waiting: whoever reads the log decides what
// was on the disk.
//
// A record of the log, which is file descriptor 3: kind, file, offset, length,
// then as many bytes. disk.go reads them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096
#define MAX_FILES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static const char *kinds = ""; // the calls that count, of: o r w t s u
static long kill_at, fail_at, fail_for, fail_errno, half, count;
static int logging;
static int file_of[MAX_FD]; // the id of an open file, 0 for one that is not ours
static char *names[MAX_FILES];
static int known;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pread)(int, void *, size_t, off64_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int);
static int (*real_unlink)(const char *);

static long number(const char *name) {
	const char *value = getenv(name);
	return value ? atol(value) : 0;
}

__attribute__((constructor)) static void begin(void) {
	if (real_open)
		return;
	*(void **)&real_open = dlsym(RTLD_NEXT, "open64");
	*(void **)&real_close = dlsym(RTLD_NEXT, "close");
	*(void **)&real_pread = dlsym(RTLD_NEXT, "pread64");
	*(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
	*(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
	*(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
	*(void **)&real_unlink = dlsym(RTLD_NEXT, "unlink");
	dir = getenv("SOAK_DIR");
	if (getenv("SOAK_KINDS"))
		kinds = getenv("SOAK_KINDS");
	kill_at = number("SOAK_KILL_AT");
	fail_at = number("SOAK_FAIL_AT");
	fail_for = number("SOAK_FAIL_FOR");
	fail_errno = number("SOAK_ERRNO");
	half = number("SOAK_HALF");
	logging = number("SOAK_LOG");
}

static void record(char kind, int file, uint64_t offset, const void *data, uint64_t length) {
	unsigned char head[24] = {kind};
	uint32_t id = file;
	memcpy(head + 4, &id, 4);
	memcpy(head + 8, &offset, 8);
	memcpy(head + 16, &length, 8);
	struct iovec parts[2] = {{head, sizeof head}, {(void *)data, length}};
	if (writev(3, parts, 2) != (ssize_t)(sizeof head + length))
		abort();
}

// ours returns whether a path is SOAK_DIR, which has no slash at its end, or in it.
static int ours(const char *path) {
	size_t length = dir ? strlen(dir) : 0;
	return length && strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int ours_fd(int fd) { return fd >= 0 && fd < MAX_FD ? file_of[fd] : 0; }

// id_of returns the number of a path, and logs a new one.
static int id_of(const char *path) {
	for (int i = 0; i < known; i++)
		if (strcmp(names[i], path) == 0)
			return i + 1;
	if (known == MAX_FILES)
		abort();
	names[known++] = strdup(path);
	if (logging)
		record('n', known, 0, path, strlen(path));
	return known;
}

// fails counts a call and returns whether it fails. die is set if the process is
// to be killed in it.
static int fails(char kind, int *die) {
	*die = 0;
	if (!strchr(kinds, kind))
		return 0;
	count++;
	*die = count == kill_at;
	if (!fail_at || count < fail_at || count >= fail_at + fail_for)
		return 0;
	if (count == fail_at)
		record('f', 0, count, NULL, 0);
	return 1;
}

static void killed(int die) {
	if (die) {
		kill(getpid(), SIGKILL);
		pause();
	}
}

static int enter(char kind, int *failed) {
	int die;
	pthread_mutex_lock(&lock);
	*failed = fails(kind, &die);
	return die;
}

static void leave(int failed) {
	pthread_mutex_unlock(&lock);
	if (failed)
		errno = fail_errno;
}

int open64(const char *path, int flags, ...) {
	mode_t mode = 0;
	if (flags & O_CREAT) {
		va_list more;
		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	begin();
	if (!ours(path))
		return real_open(path, flags, mode);
	int failed, fd = -1;
	killed(enter('o', &failed));
	if (!failed) {
		int made = (flags & O_CREAT) && access(path, F_OK) != 0;
		fd = real_open(path, flags, mode);
		failed = fd < 0 ? -1 : 0;
		if (fd >= 0 && fd < MAX_FD) {
			file_of[fd] = id_of(path);
			if (made && logging)
				record('c', file_of[fd], 0, NULL, 0);
		}
	}
	int was = errno;
	leave(failed > 0);
	if (failed < 0)
		errno = was;
	return fd;
}

int open(const char *path, int flags, ...) {
	mode_t mode = 0;
	if (flags & O_CREAT) {
		va_list more;
		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	return open64(path, flags, mode);
}

int close(int fd) {
	begin();
	if (ours_fd(fd)) {
		pthread_mutex_lock(&lock);
		file_of[fd] = 0;
		pthread_mutex_unlock(&lock);
	}
	return real_close(fd);
}

ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
	begin();
	if (!ours_fd(fd))
		return real_pread(fd, data, length, offset);
	int failed;
	killed(enter('r', &failed));
	leave(failed);
	return failed ? -1 : real_pread(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
	begin();
	if (!ours_fd(fd))
		return real_pwrite(fd, data, length, offset);
	int failed, die = enter('w', &failed);
	ssize_t done = -1;
	size_t reaches = failed || die ? (half ? length / 2 : 0) : length;
	if (reaches || !length) {
		if (logging)
			record('w', file_of[fd], offset, data, reaches);
		done = real_pwrite(fd, data, reaches, offset);
	}
	killed(die);
	int was = errno;
	leave(failed);
	if (!failed)
		errno = was;
	return failed ? -1 : done;
}

int ftruncate64(int fd, off64_t size) {
	begin();
	if (!ours_fd(fd))
		return real_ftruncate(fd, size);
	int failed, result = -1;
	killed(enter('t', &failed));
	if (!failed) {
		if (logging)
			record('t', file_of[fd], size, NULL, 0);
		result = real_ftruncate(fd, size);
	}
	leave(failed);
	return result;
}

int fsync(int fd) {
	begin();
	if (!ours_fd(fd))
		return real_fsync(fd);
	int failed;
	killed(enter('s', &failed));
	if (!failed && logging)
		record('s', file_of[fd], 0, NULL, 0);
	leave(failed);
	return failed ? -1 : 0;
}

int fdatasync(int fd) { return fsync(fd); }

int unlink(const char *path) {
	begin();
	if (!ours(path))
		return real_unlink(path);
	int failed, result = -1;
	killed(enter('u', &failed));
	if (!failed) {
		result = real_unlink(path);
		if (result == 0 && logging)
			record('u', id_of(path), 0, NULL, 0);
	}
	int was = errno;
	leave(failed);
	if (!failed)
		errno = was;
	return result;
}
