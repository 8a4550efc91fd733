// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/driver/nvidia: the driver's version and, for each GPU, `information` and `unbindLock` as the real one has
 * them; and two of the double's own, by which the stand-in for nvidia-smi works:
 *
 * gpus/ADDRESS/mig   read: a line each of `mode`, `profile`, `instance`, `compute`; write: one change, as
 *                    `mode 0|1`, `reset`, `create PROFILE START|-1`, `destroy GI`, `fill GI SLICES|0`, `empty GI CI`
 * gpus/ADDRESS/vgpus read: a line a mediated device: UUID, type's number, GPU instance or -, 1 while a guest runs
 *
 * A change that is refused gives EBUSY, ENOSPC, EINVAL, ENOENT, ENODEV (not in MIG mode) or EOPNOTSUPP (no MIG).
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "double.h"

static struct proc_dir_entry *proc_root;
static struct proc_dir_entry *proc_gpus;

static int version_show(struct seq_file *seq, void *unused)
{
	seq_puts(seq, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  " DRIVER_RELEASE "  (test double, not NVIDIA's driver)\n");
	return 0;
}

static int information_show(struct seq_file *seq, void *unused)
{
	const struct gpu *gpu = seq->private;

	seq_printf(seq, "Model: \t\t %s\n", gpu->board->model);
	seq_printf(seq, "Bus Location: \t %s\n", gpu->address);
	seq_printf(seq, "Device Minor: \t %s\n", gpu->node + strlen("nvidia"));
	seq_printf(seq, "Framebuffer of the double: \t %u MiB\n", gpu->board->memory_mib);
	return 0;
}

static int vgpus_show(struct seq_file *seq, void *unused)
{
	const struct gpu *gpu = seq->private;
	const struct vgpu *each;

	mutex_lock(&state_lock);
	list_for_each_entry(each, &gpu->active, list) {
		seq_printf(seq, "%s %u ", dev_name(&each->mdev->dev), each->offer->profile->number);
		if (each->instance)
			seq_printf(seq, "%u", each->instance->id);
		else
			seq_puts(seq, "-");
		seq_printf(seq, " %d\n", each->opened);
	}
	mutex_unlock(&state_lock);
	return 0;
}

/* ---- the lock that unbinding takes ---- */

static int unbind_lock_show(struct seq_file *seq, void *unused)
{
	const struct gpu *gpu = seq->private;

	seq_printf(seq, "%d\n", gpu->locked);
	return 0;
}

static int unbind_lock_open(struct inode *inode, struct file *file)
{
	return single_open(file, unbind_lock_show, pde_data(inode));
}

static ssize_t unbind_lock_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct gpu *gpu = pde_data(file_inode(file));
	bool wanted;
	int ret = kstrtobool_from_user(buf, count, &wanted);

	if (ret)
		return ret;
	mutex_lock(&state_lock);
	if (!wanted) {
		gpu->locked = false;
	} else if (!gpu->locked) {
		if (refuse_unbind_locks)
			refuse_unbind_locks--;
		else
			gpu->locked = !has_clients(gpu);
	}
	mutex_unlock(&state_lock);
	return count;
}

static const struct proc_ops unbind_lock_ops = {
	.proc_open = unbind_lock_open,
	.proc_read = seq_read,
	.proc_write = unbind_lock_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

/* ---- MIG ---- */

static void instance_show(struct seq_file *seq, const struct gpu_instance *instance)
{
	unsigned int i;

	seq_printf(seq, "instance %u %d %s %u %u %u\n", instance->id, instance->profile->id, instance->profile->name,
		   instance->start, instance->profile->size, instance->profile->compute);
	for (i = 0; i < MAX_COMPUTE; i++) {
		const struct compute_instance *each = &instance->compute[i];

		if (each->there)
			seq_printf(seq, "compute %u %u %u %u\n", instance->id, i, each->start, each->size);
	}
}

static int mig_show(struct seq_file *seq, void *unused)
{
	const struct gpu *gpu = seq->private;
	const struct gpu_instance *each;
	unsigned int i;

	if (!gpu->board->profile_count)
		return 0;
	mutex_lock(&state_lock);
	seq_printf(seq, "mode %d %d\n", gpu->mig, gpu->mig_pending);
	for (i = 0; i < gpu->board->profile_count; i++) {
		const struct mig_profile *profile = &gpu->board->profiles[i];

		seq_printf(seq, "profile %d %s %u %u %#x %u %u %s\n", profile->id, profile->name, profile->compute,
			   profile->size, profile->starts, profile->max_count, mig_room(gpu, profile),
			   profile->resources);
	}
	list_for_each_entry(each, &gpu->instances, list)
		instance_show(seq, each);
	mutex_unlock(&state_lock);
	return 0;
}

static int mig_open(struct inode *inode, struct file *file)
{
	return single_open(file, mig_show, pde_data(inode));
}

static int change(struct gpu *gpu, const char *words)
{
	unsigned int id, number;
	int profile, start;

	if (sscanf(words, "mode %u", &number) == 1 && number < 2)
		return mig_set_mode(gpu, number);
	if (!strcmp(words, "reset"))
		return mig_reset(gpu);
	if (!gpu->mig)
		return -ENODEV;
	if (sscanf(words, "create %d %d", &profile, &start) == 2)
		return mig_create(gpu, profile, start);
	if (sscanf(words, "destroy %u", &id) == 1)
		return mig_destroy(gpu, id);
	if (sscanf(words, "fill %u %u", &id, &number) == 2)
		return mig_fill(gpu, id, number);
	if (sscanf(words, "empty %u %u", &id, &number) == 2)
		return mig_empty(gpu, id, number);
	return -EINVAL;
}

static ssize_t mig_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct gpu *gpu = pde_data(file_inode(file));
	char words[64];
	int ret;

	if (count >= sizeof(words))
		return -EINVAL;
	if (copy_from_user(words, buf, count))
		return -EFAULT;
	words[count] = '\0';
	mutex_lock(&state_lock);
	ret = gpu->bound ? change(gpu, strim(words)) : -ENODEV;
	mutex_unlock(&state_lock);
	return ret ?: count;
}

static const struct proc_ops mig_ops = {
	.proc_open = mig_open,
	.proc_read = seq_read,
	.proc_write = mig_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

/* ---- coming and going ---- */

int procfs_show(struct gpu *gpu)
{
	gpu->proc = proc_mkdir(gpu->address, proc_gpus);
	if (gpu->proc && proc_create_single_data("information", 0444, gpu->proc, information_show, gpu) &&
	    proc_create_single_data("vgpus", 0444, gpu->proc, vgpus_show, gpu) &&
	    proc_create_data("mig", 0644, gpu->proc, &mig_ops, gpu) &&
	    proc_create_data("unbindLock", 0644, gpu->proc, &unbind_lock_ops, gpu))
		return 0;
	proc_remove(gpu->proc);
	return -ENOMEM;
}

void procfs_hide(struct gpu *gpu)
{
	proc_remove(gpu->proc);
}

int procfs_init(void)
{
	proc_root = proc_mkdir("driver/nvidia", NULL);
	if (!proc_root)
		return -ENOMEM;
	proc_gpus = proc_mkdir("gpus", proc_root);
	if (proc_gpus && proc_create_single("version", 0444, proc_root, version_show))
		return 0;
	proc_remove(proc_root);
	return -ENOMEM;
}

void procfs_exit(void)
{
	proc_remove(proc_root);
}
