#include "run/target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe would make us wait for its reader, and a disk could be read by whoever gets the descriptor. */
const char *target_wrong_kind(mode_t mode, bool device)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return NULL;
	case S_IFCHR:
		if (device)
			return NULL;
		break;
	case S_IFDIR:
		return "is a directory";
	case S_IFLNK:
		return "is a symbolic link, which is not followed: give the file that it leads to";
	}
	return device ? "is neither a file nor a character device" : "is no regular file";
}

static void check_parent(const char *path, const char *key, struct faults *f)
{
	char parent[PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(parent, sizeof parent, "%s", path);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	if (stat(parent, &st) < 0)
		faults_add(f, "", key, "cannot make %s: %s: %s", path, parent, strerrordesc_np(errno));
	else if (!S_ISDIR(st.st_mode))
		faults_add(f, "", key, "cannot make %s: %s: %s", path, parent, strerrordesc_np(ENOTDIR));
	else if (access(parent, W_OK) < 0)
		faults_add(f, "", key, "cannot make %s: %s", path, strerrordesc_np(errno));
}

void target_check(const char *path, const char *key, bool device, struct faults *f)
{
	struct stat st;
	bool there = lstat(path, &st) == 0;
	const char *wrong = there ? target_wrong_kind(st.st_mode, device) : NULL;

	if (!there && errno == ENOENT)
		check_parent(path, key, f);
	else if (wrong)
		faults_add(f, "", key, "%s %s", path, wrong);
	else if (!there || access(path, W_OK) < 0)
		faults_add(f, "", key, "cannot write to %s: %s", path, strerrordesc_np(errno));
}
