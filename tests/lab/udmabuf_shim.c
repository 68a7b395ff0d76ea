/* LD_PRELOADed under libcamera where the kernel has no /dev/udmabuf: the "dma-buf" handed out is the memfd itself.
 * libcamera opens /dev/udmabuf, asks with UDMABUF_CREATE for a buffer over a memfd, maps it, and brackets accesses with
 * DMA_BUF_IOCTL_SYNC, which plain memory does not need. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 4096
static char is_udmabuf[MOST];

static int open_it(const char *path, int flags, int mode)
{
	if (strcmp(path, "/dev/udmabuf") != 0)
		return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	int fd = memfd_create("udmabuf", MFD_CLOEXEC);
	if (fd >= 0 && fd < MOST)
		is_udmabuf[fd] = 1;
	return fd;
}

#define OPEN(name)                              \
	int name(const char *path, int flags, ...)  \
	{                                           \
		va_list rest;                           \
		va_start(rest, flags);                  \
		int mode = va_arg(rest, int);           \
		va_end(rest);                           \
		return open_it(path, flags, mode);      \
	}
OPEN(open)
OPEN(open64)

int close(int fd)
{
	if (fd >= 0 && fd < MOST)
		is_udmabuf[fd] = 0;
	return syscall(SYS_close, fd);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	if (fd >= 0 && fd < MOST && is_udmabuf[fd] && request == UDMABUF_CREATE)
		return fcntl(((struct udmabuf_create *)argument)->memfd, F_DUPFD_CLOEXEC, 3);
	if (request == DMA_BUF_IOCTL_SYNC)
		return 0;
	return syscall(SYS_ioctl, fd, request, argument);
}
