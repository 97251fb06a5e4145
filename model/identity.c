#include "model/identity.h"

#include "model/json.h"

#include <assert.h>
#include <string.h>

static const char *const words[IDENTITY_PART_COUNT] = {
        "command", "container", "container_options", "input", "resource",
};

const char *identity_part_word(enum identity_part part)
{
	return words[part];
}

void identity_init(struct identity *id)
{
	memset(id, 0, sizeof(*id));
}

void identity_add(struct identity *id, enum identity_part part, const char *text)
{
	assert(id->text[0] == '\0');
	if (id->parts[part] == NULL)
		id->parts[part] = digest_new();
	digest_add_text(id->parts[part], text);
}

void identity_finish(struct identity *id)
{
	struct digest *whole = digest_new();

	for (int i = 0; i < IDENTITY_PART_COUNT; i++) {
		char text[DIGEST_TEXT_SIZE] = "";

		if (id->parts[i] != NULL)
			digest_finish(id->parts[i], text);
		id->parts[i] = NULL;
		digest_add_text(whole, text);
		memcpy(id->part_text[i], text, sizeof(id->part_text[i]) - 1);
	}
	digest_finish(whole, id->text);
}

void identity_release(struct identity *id)
{
	char scratch[DIGEST_TEXT_SIZE];

	for (int i = 0; i < IDENTITY_PART_COUNT; i++) {
		if (id->parts[i] != NULL)
			digest_finish(id->parts[i], scratch);
		id->parts[i] = NULL;
	}
}

void identity_parts_print(const struct identity *id, struct str *out)
{
	json_t *object = json_object();

	for (int i = 0; i < IDENTITY_PART_COUNT; i++) {
		if (id->part_text[i][0] != '\0')
			json_object_set_new(object, words[i], json_string(id->part_text[i]));
	}
	json_print(object, out);
	json_decref(object);
}

bool identity_difference(const struct identity *now, const char *parts_then, struct str *names)
{
	struct problem problem;
	json_t *then = json_parse(parts_then, strlen(parts_then), &problem);

	if (!json_is_object(then)) {
		json_decref(then);
		return false;
	}
	for (int i = 0; i < IDENTITY_PART_COUNT; i++) {
		const char *before = json_string_value(json_object_get(then, words[i]));

		if (strcmp(before ? before : "", now->part_text[i]) != 0)
			str_addf(names, "%s%s", names->len ? ", " : "", words[i]);
	}
	json_decref(then);
	return true;
}
