#include "worker/stats.h"

#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "model/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SECTOR 512
#define SECOND_NS 1e9

/* One moment. */
struct sample {
	uint64_t total, idle, wait;
	uint64_t disk_read, disk_written, received, sent;
	double load[3];
	uint64_t memory_total, memory_available;
	bool cpu_known, disk_known, network_known;
};

/* With the decimals that Python's round(x, 2) leaves. */
static void add_number(struct str *out, double value)
{
	str_addf(out, "%.2f", value);
	if (out->p[out->len - 1] == '0')
		out->p[--out->len] = '\0';
}

/* Call for each line of a file of /proc; the line ends with a NUL. */
static bool each_line(const char *path, void (*line_of)(struct sample *s, char *line),
                      struct sample *s)
{
	struct str text = STR_INIT;
	char *rest = NULL;
	bool ok = file_read(path, &text) == 0;

	for (char *line = ok ? strtok_r(text.p, "\n", &rest) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		line_of(s, line);
	str_release(&text);
	return ok;
}

static void cpu_line(struct sample *s, char *line)
{
	uint64_t v[8] = {0};
	char *p = line + 4;

	if (strncmp(line, "cpu ", 4) != 0)
		return;
	for (int i = 0; i < 8; i++)
		v[i] = strtoull(p, &p, 10);
	s->idle = v[3];
	s->wait = v[4];
	s->total = v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6] + v[7];
	s->cpu_known = true;
}

static void memory_line(struct sample *s, char *line)
{
	(void)sscanf(line, "MemTotal: %" SCNu64, &s->memory_total);
	(void)sscanf(line, "MemAvailable: %" SCNu64, &s->memory_available);
}

/* A disk, not one of its partitions nor what only stands for other disks. */
static bool is_disk(const char *name)
{
	static const char *const not_disks[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd"};
	char path[96];

	for (size_t i = 0; i < sizeof(not_disks) / sizeof(not_disks[0]); i++) {
		if (strncmp(name, not_disks[i], strlen(not_disks[i])) == 0)
			return false;
	}
	snprintf(path, sizeof(path), "/sys/block/%.64s", name);
	return access(path, F_OK) == 0;
}

static void disk_line(struct sample *s, char *line)
{
	uint64_t read, written;
	char name[65];

	if (sscanf(line, "%*d %*d %64s %*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, name, &read,
	           &written) != 3 ||
	    !is_disk(name))
		return;
	s->disk_read += read * SECTOR;
	s->disk_written += written * SECTOR;
	s->disk_known = true;
}

static void network_line(struct sample *s, char *line)
{
	char *colon = strchr(line, ':'), *name = line;
	uint64_t received, sent;

	while (isspace((unsigned char)*name))
		name++;
	if (colon == NULL || strncmp(name, "lo:", 3) == 0 ||
	    sscanf(colon + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &received,
	           &sent) != 2)
		return;
	s->received += received;
	s->sent += sent;
	s->network_known = true;
}

static void load_line(struct sample *s, char *line)
{
	if (sscanf(line, "%lf %lf %lf", &s->load[0], &s->load[1], &s->load[2]) != 3)
		s->load[0] = s->load[1] = s->load[2] = 0;
}

/* Percent of each file system on a device, once. */
static json_t *read_usage(void)
{
	struct str mounts = STR_INIT, text = STR_INIT;
	struct map seen = MAP_INIT;
	json_t *usage = json_array();
	char *rest = NULL;
	bool ok = file_read("/proc/self/mounts", &mounts) == 0;

	for (char *line = ok ? strtok_r(mounts.p, "\n", &rest) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *point = strchr(line, ' '), *end;
		struct statvfs fs;
		bool is_new;

		end = point != NULL ? strchr(point + 1, ' ') : NULL;
		if (end == NULL || strncmp(line, "/dev/", 5) != 0)
			continue;
		*point++ = *end = '\0';
		map_put(&seen, line, strlen(line), &is_new);
		if (!is_new || statvfs(point, &fs) != 0 || fs.f_blocks == 0)
			continue;
		str_reset(&text);
		str_addf(&text, "%s:%.0f", point,
		         100.0 * (double)(fs.f_blocks - fs.f_bfree) / (double)fs.f_blocks);
		json_array_append_new(usage, json_text(text.p));
	}
	map_release(&seen);
	str_release(&mounts);
	str_release(&text);
	return usage;
}

/* "0.0/0.25 Mb/s" and "0.01/0.44 Gb", with '-' for what is not known. */
static void put_pair(json_t *to, const char *name, const char *unit, bool known, double first,
                     double second)
{
	struct str text = STR_INIT;

	if (known) {
		add_number(&text, first);
		str_addc(&text, '/');
		add_number(&text, second);
	} else {
		str_adds(&text, "-/-");
	}
	str_addf(&text, " %s", unit);
	json_object_set_new_nocheck(to, name, json_string(text.p));
	str_release(&text);
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

static json_t *texts_of(const struct stats *before, const struct sample *now, double seconds)
{
	json_t *all = json_object(), *disk = json_object(), *network = json_object();
	char load[64];

	snprintf(load, sizeof(load), "%.1f %.1f %.1f", now->load[0], now->load[1], now->load[2]);
	json_object_set_new_nocheck(all, "load", json_string(load));
	put_pair(disk, "speed", "Mb/s", now->disk_known && seconds > 0,
	         per_second(now->disk_read, before->disk_read, seconds) / 1e6,
	         per_second(now->disk_written, before->disk_written, seconds) / 1e6);
	json_object_set_new_nocheck(disk, "usage", read_usage());
	put_pair(disk, "counter", "Gb", now->disk_known, (double)now->disk_read / 1e9,
	         (double)now->disk_written / 1e9);
	json_object_set_new_nocheck(all, "disk", disk);
	put_pair(network, "speed", "Mb/s", now->network_known && seconds > 0,
	         per_second(now->received, before->received, seconds) / 1e6,
	         per_second(now->sent, before->sent, seconds) / 1e6);
	put_pair(network, "counter", "Gb", now->network_known, (double)now->received / 1e9,
	         (double)now->sent / 1e9);
	json_object_set_new_nocheck(all, "network", network);
	return all;
}

static void put_counter(json_t *to, const char *name, const char *speed, bool known, uint64_t now,
                        uint64_t before, double seconds)
{
	if (!known)
		return;
	json_object_set_new_nocheck(to, name, json_integer((json_int_t)now));
	if (seconds > 0)
		json_object_set_new_nocheck(to, speed, json_real(per_second(now, before, seconds)));
}

static json_t *numbers_of(const struct stats *before, const struct sample *now, double seconds,
                          double busy, double waiting)
{
	json_t *all = json_object();

	if (busy >= 0) {
		json_object_set_new_nocheck(all, "cpu_percent", json_real(busy));
		json_object_set_new_nocheck(all, "wait_percent", json_real(waiting));
	}
	json_object_set_new_nocheck(
	        all, "load", json_pack("[f, f, f]", now->load[0], now->load[1], now->load[2]));
	if (now->memory_total > 0) {
		json_object_set_new_nocheck(all, "memory_total",
		                            json_integer((json_int_t)now->memory_total * 1024));
		json_object_set_new_nocheck(all, "memory_available",
		                            json_integer((json_int_t)now->memory_available * 1024));
	}
	put_counter(all, "disk_read", "disk_read_speed", now->disk_known, now->disk_read,
	            before->disk_read, seconds);
	put_counter(all, "disk_written", "disk_write_speed", now->disk_known, now->disk_written,
	            before->disk_written, seconds);
	put_counter(all, "received", "receive_speed", now->network_known, now->received,
	            before->received, seconds);
	put_counter(all, "sent", "send_speed", now->network_known, now->sent, before->sent,
	            seconds);
	return all;
}

/* Percent of the cpus that worked and that waited; -1 where that is not known yet. */
static double share(const struct stats *before, const struct sample *now, double *waiting)
{
	double total = (double)(now->total - before->total);

	*waiting = 0;
	if (!now->cpu_known || before->at_ns == 0 || now->total <= before->total)
		return -1;
	*waiting = now->wait > before->wait ? 100 * (double)(now->wait - before->wait) / total : 0;
	total = 100 - *waiting - 100 * (double)(now->idle - before->idle) / total;
	return total < 0 ? 0 : total;
}

json_t *stats_sample(struct stats *s, int64_t now_ns)
{
	double seconds = s->at_ns != 0 ? (double)(now_ns - s->at_ns) / SECOND_NS : 0, busy, waiting;
	json_t *told = json_object(), *stats;
	struct str text = STR_INIT;
	struct sample now = {0};

	(void)each_line("/proc/stat", cpu_line, &now);
	(void)each_line("/proc/meminfo", memory_line, &now);
	(void)each_line("/proc/diskstats", disk_line, &now);
	(void)each_line("/proc/net/dev", network_line, &now);
	(void)each_line("/proc/loadavg", load_line, &now);
	busy = share(s, &now, &waiting);
	if (busy >= 0)
		str_addf(&text, "%.1f%s / %.1f", busy,
		         busy > s->busy ? "\xe2\x86\x91" : "\xe2\x86\x93", waiting);
	else
		str_adds(&text, "- / -");
	json_object_set_new_nocheck(told, "load", json_string(text.p));
	if (now.memory_total > 0)
		json_object_set_new_nocheck(told, "memory",
		                            json_real(100 - 100 * (double)now.memory_available /
		                                                    (double)now.memory_total));
	stats = texts_of(s, &now, seconds);
	json_object_set_new_nocheck(stats, "numbers", numbers_of(s, &now, seconds, busy, waiting));
	str_reset(&text);
	json_print(stats, &text);
	json_object_set_new_nocheck(told, "stats", json_text(text.p));
	json_decref(stats);
	str_release(&text);
	*s = (struct stats){now_ns,           now.total,    now.idle, now.wait, now.disk_read,
	                    now.disk_written, now.received, now.sent, busy};
	return told;
}
