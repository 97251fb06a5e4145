#include "worker/held.h"

#include "base/gpus.h"
#include "worker/cgroup_file.h"
#include "worker/tree.h"

#include <stdlib.h>
#include <string.h>

/* Where n texts begin that the frame holds. */
static const char *skip_texts(struct message *m, size_t *n)
{
	const char *first;

	*n = message_count(m);
	first = m->p;
	for (size_t i = 0; i < *n; i++)
		message_text(m);
	return first;
}

struct held *held_new(struct message *m)
{
	struct held *h = xcalloc(1, sizeof(*h));
	size_t len = (size_t)(m->end - m->p), note_len;
	struct message own;
	struct str marker = STR_INIT;
	const char *note;

	h->frame = xmalloc(len + 1);
	h->frame_len = len;
	memcpy(h->frame, m->p, len);
	own = (struct message){m->type, h->frame, h->frame + len, false};
	str_init(&h->note);
	str_init(&h->gpus);
	h->id = message_number(&own);
	h->claim.weight = message_real(&own);
	h->claim.gpus = (unsigned)message_number(&own);
	h->timeout_ns = (int64_t)message_number(&own);
	h->grace_ns = (int64_t)message_number(&own);
	h->limits.memory = message_number(&own);
	h->limits.cpus = message_real(&own);
	h->directory = message_text(&own);
	h->work = message_text(&own);
	h->contained = message_number(&own) != 0;
	h->shield = (enum shield_kind)message_number(&own);
	h->lent = skip_texts(&own, &h->nlent);
	h->words = skip_texts(&own, &h->nwords);
	h->fallback = skip_texts(&own, &h->nfallback);
	h->variables = skip_texts(&own, &h->nvariables);
	note = message_bytes(&own, &note_len);
	str_add(&h->note, note, note_len);
	h->ending.failed = "";
	if (own.broken || h->nwords == 0) {
		held_free(h);
		return NULL;
	}
	str_addf(&marker, "%s=%s", TREE_MARKER_NAME, h->directory);
	h->marker = str_detach(&marker);
	return h;
}

void held_end(struct held *h)
{
	h->state = HELD_ENDED;
	free(h->frame);
	free(h->marker);
	h->frame = h->marker = NULL;
	h->directory = h->work = h->lent = h->words = h->fallback = h->variables = NULL;
}

void held_free(struct held *h)
{
	str_release(&h->note);
	str_release(&h->gpus);
	free(h->frame);
	free(h->marker);
	free(h);
}

/* n texts of the frame, which was checked when it came, as an array. */
static char **texts(const struct held *h, const char *first, size_t n, struct arena *a)
{
	char **list = arena_array(a, char *, n + 1);
	struct message m = {MESSAGE_START, first, h->frame + h->frame_len, false};

	for (size_t i = 0; i < n; i++)
		list[i] = h->frame + (message_text(&m) - h->frame);
	return list;
}

/* How a task is told which GPUs are its own. In a container, where the engine shows it no others
   (worker/runner.h), they have other numbers. */
static const char *const gpu_variables[] = {HELD_GPUS, "CUDA_VISIBLE_DEVICES",
                                            "NVIDIA_VISIBLE_DEVICES"};

static bool is_gpu_variable(const char *variable, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(gpu_variables[i]);

		if (strncmp(variable, gpu_variables[i], len) == 0 && variable[len] == '=')
			return true;
	}
	return false;
}

static char **environment_of(const struct held *h, char *const *environment, struct arena *arena)
{
	const size_t all = sizeof(gpu_variables) / sizeof(gpu_variables[0]);
	size_t n = 0, kept = 0, ours = h->gpus.len == 0 ? 0 : h->contained ? 1 : all;
	char **envp, **own = texts(h, h->variables, h->nvariables, arena);

	while (environment[n] != NULL)
		n++;
	envp = arena_array(arena, char *, n + ours + h->nvariables + 1);
	for (size_t i = 0; i < n; i++) {
		if (!is_gpu_variable(environment[i], ours))
			envp[kept++] = environment[i];
	}
	for (size_t i = 0; i < ours; i++)
		envp[kept++] = arena_printf(arena, "%s=%s", gpu_variables[i], h->gpus.p);
	memcpy(envp + kept, own, (h->nvariables + 1) * sizeof(*own));
	return envp;
}

void held_spawn(const struct held *h, char *const *environment, struct arena *arena,
                struct spawn *spawn)
{
	*spawn = (struct spawn){.envp = environment_of(h, environment, arena)};
	spawn->argv = texts(h, h->words, h->nwords, arena);
	spawn->fallback = h->nfallback > 0 ? texts(h, h->fallback, h->nfallback, arena) : NULL;
	spawn->file = h->contained ? "/proc/self/exe" : NULL;
	spawn->privileges = h->contained;
	shield_prepare(&spawn->shield, h->shield, texts(h, h->lent, h->nlent, arena), h->nlent,
	               h->directory);
	spawn->directory = h->work;
	spawn->out = arena_printf(arena, "%s/stdout", h->directory);
	spawn->err = arena_printf(arena, "%s/stderr", h->directory);
}

bool held_enter_group(struct held *h, struct cgroups *groups, struct spawn *spawn)
{
	int err = 0;

	if (!h->contained)
		h->group = cgroup_take(groups, &h->limits, &err);
	if (h->group != NULL) {
		spawn->entries = h->group->entries;
		spawn->nentries = groups->n;
	}
	h->ending.start_errno = -err;
	h->ending.failed = err != 0 ? "make its control group" : "";
	return err == 0;
}

void held_sample(struct held *h, const struct cgroups *groups, int64_t now_ns)
{
	uint64_t now = cgroup_memory(groups, h->group);

	if (now > h->held_most)
		h->held_most = now;
	h->sample_at_ns = cgroup_sample_next(h->started_ns, now_ns);
}

void held_leave_group(struct held *h, struct cgroups *groups)
{
	struct cgroup_usage usage;

	if (h->group == NULL)
		return;
	cgroup_usage(groups, h->group, &usage);
	/* More than what was waited for, where some was left to itself. */
	if (usage.cpu_us > h->ending.cpu_us)
		h->ending.cpu_us = usage.cpu_us;
	h->ending.oom = usage.oom;
	/* Several processes together hold more than the largest of them. */
	if (h->held_most > h->ending.peak_memory)
		h->ending.peak_memory = h->held_most;
	cgroup_give_back(groups, h->group, !h->ending.strays);
	h->group = NULL;
}

char **held_environment(char **all)
{
	static const char *const own[] = {
	        "CPU=", "INPUT=", "OUTPUT=", "RESOURCE=", "TEMP=", "PWD=", "OLDPWD=", "SCITQ_"};
	size_t n = 0, kept = 0;
	char **list;

	while (all[n] != NULL)
		n++;
	list = xreallocarray(NULL, n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		bool ours = false;

		for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
			ours = ours || strncmp(all[i], own[k], strlen(own[k])) == 0;
		if (!ours)
			list[kept++] = all[i];
	}
	list[kept] = NULL;
	return list;
}

void held_list_remove(struct held_list *list, const struct held *h)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i] == h) {
			list->n--;
			memmove(list->v + i, list->v + i + 1, (list->n - i) * sizeof(*list->v));
			return;
		}
	}
}

struct held *held_list_find(const struct held_list *list, uint64_t id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i]->id == id)
			return list->v[i];
	}
	return NULL;
}

struct held *held_list_find_pid(const struct held_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i]->pid == pid && !list->v[i]->reaped)
			return list->v[i];
	}
	return NULL;
}

bool held_list_has_pid(const struct held_list *list, pid_t pid)
{
	return held_list_find_pid(list, pid) != NULL;
}

bool held_take_gpus(struct held *h, const char *all, const struct held_list *running)
{
	size_t wanted = h->claim.gpus, len;
	const char *name;

	while (wanted > 0 && (name = gpus_next(&all, &len)) != NULL) {
		bool taken = false;

		for (size_t i = 0; i < running->n && !taken; i++)
			taken = gpus_have(running->v[i]->gpus.p, name, len);
		if (!taken) {
			gpus_add(&h->gpus, name, len);
			wanted--;
		}
	}
	if (wanted > 0)
		str_reset(&h->gpus);
	return wanted == 0;
}

ptrdiff_t held_list_pick(const struct held_list *waiting, const struct held_list *running,
                         const char *gpus)
{
	struct slot_claim *few[64], **claims = few;
	double used = 0;
	size_t free_gpus = gpus_count(gpus), taken = 0;
	ptrdiff_t next;

	if (waiting->n == 0)
		return -1;
	/* Added up anew each time: a sum that is kept would drift. */
	for (size_t i = 0; i < running->n; i++) {
		used += running->v[i]->claim.weight;
		taken += gpus_common(running->v[i]->gpus.p, gpus);
	}
	free_gpus -= taken;
	if (waiting->n > sizeof(few) / sizeof(few[0]))
		claims = xreallocarray(NULL, waiting->n, sizeof(*claims));
	for (size_t i = 0; i < waiting->n; i++)
		claims[i] = &waiting->v[i]->claim;
	next = slots_pick(claims, waiting->n, used, free_gpus);
	if (claims != few)
		free(claims);
	return next;
}
