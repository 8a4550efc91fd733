// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the board remembers without power: its MIG mode, where it keeps that (Ampere).
 *
 * The double has no memory of its own, so a file on the guest's disk stands for the board's infoROM:
 * /var/lib/nvidia-double/inforom/ADDRESS, whose first character is the mode. Written through at once.
 */
#include <linux/fs.h>

#include "double.h"

static struct file *open_inforom(const struct gpu *gpu, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/var/lib/nvidia-double/inforom/%s", gpu->address);
	return filp_open(path, flags, 0644);
}

bool inforom_mode(const struct gpu *gpu)
{
	struct file *file;
	char mode = '0';
	loff_t pos = 0;

	if (!gpu->board->mode_kept)
		return false;
	file = open_inforom(gpu, O_RDONLY);
	if (IS_ERR(file))
		return false;
	kernel_read(file, &mode, 1, &pos);
	filp_close(file, NULL);
	return mode == '1';
}

int inforom_keep_mode(const struct gpu *gpu, bool enabled)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t written;

	if (!gpu->board->mode_kept)
		return 0;
	file = open_inforom(gpu, O_WRONLY | O_CREAT | O_TRUNC);
	if (IS_ERR(file))
		return PTR_ERR(file);
	written = kernel_write(file, enabled ? "1\n" : "0\n", 2, &pos);
	if (written == 2)
		vfs_fsync(file, 0);
	filp_close(file, NULL);
	return written == 2 ? 0 : -EIO;
}
