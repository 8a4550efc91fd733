// SPDX-License-Identifier: GPL-2.0-only
/* Clients of a GPU: whoever holds /dev/nvidiaN open. A GPU whose unbindLock is held takes none. */
#include <linux/fs.h>

#include "double.h"

static int client_open(struct inode *inode, struct file *file)
{
	struct gpu *gpu = container_of(file->private_data, struct gpu, client);
	int ret = 0;

	mutex_lock(&state_lock);
	if (gpu->locked)
		ret = -EBUSY;
	else
		gpu->opens++;
	mutex_unlock(&state_lock);
	return ret;
}

static int client_close(struct inode *inode, struct file *file)
{
	struct gpu *gpu = container_of(file->private_data, struct gpu, client);

	mutex_lock(&state_lock);
	gpu->opens--;
	mutex_unlock(&state_lock);
	return 0;
}

static const struct file_operations client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.release = client_close,
	.llseek = noop_llseek,
};

int add_client_node(struct gpu *gpu)
{
	gpu->client.minor = MISC_DYNAMIC_MINOR;
	gpu->client.name = gpu->node;
	gpu->client.fops = &client_fops;
	gpu->client.mode = 0666;
	gpu->client.parent = &gpu->pdev->dev;
	return misc_register(&gpu->client);
}

void remove_client_node(struct gpu *gpu)
{
	misc_deregister(&gpu->client);
}

/* True when the GPU has no client any more; from then on it takes none, and its instances are gone. */
bool retire(struct gpu *gpu)
{
	bool idle;

	mutex_lock(&state_lock);
	idle = !has_clients(gpu);
	if (idle) {
		gpu->bound = false;
		mig_wipe(gpu);
	}
	mutex_unlock(&state_lock);
	return idle;
}
