#include "server/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* False where it is neither IPv4 nor IPv6. */
static bool bytes_of(const struct sockaddr *address, unsigned char bytes[16])
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + sizeof(mapped), &v4->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

		memcpy(bytes, &v6->sin6_addr, 16);
		return true;
	}
	return false;
}

static bool is_in(const unsigned char bytes[16], const struct network *network)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	unsigned mask = 0xff00u >> rest & 0xffu;

	return memcmp(bytes, network->address, whole) == 0 &&
	       (rest == 0 || ((bytes[whole] ^ network->address[whole]) & mask) == 0);
}

/* All bits beyond the length are 0. */
static bool is_canonical(const struct network *network)
{
	for (unsigned bit = network->bits; bit < 128; bit++) {
		if (network->address[bit / 8] & 0x80u >> bit % 8)
			return false;
	}
	return true;
}

static bool read_network(const char *text, size_t len, struct network *network)
{
	char word[INET6_ADDRSTRLEN + 8], *slash, *end;
	unsigned long bits;
	bool v4;

	if (len == 0 || len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	slash = strchr(word, '/');
	if (slash == NULL || slash[1] < '0' || slash[1] > '9')
		return false;
	*slash = '\0';
	bits = strtoul(slash + 1, &end, 10);
	v4 = inet_pton(AF_INET, word, network->address + sizeof(mapped)) == 1;
	if (v4)
		memcpy(network->address, mapped, sizeof(mapped));
	else if (inet_pton(AF_INET6, word, network->address) != 1)
		return false;
	if (*end != '\0' || bits > (v4 ? 32 : 128))
		return false;
	network->bits = (unsigned)bits + (v4 ? 96 : 0);
	return is_canonical(network);
}

bool networks_add(struct networks *networks, const char *text, struct problem *problem)
{
	for (const char *at = text;; at++) {
		struct network network;
		size_t len = strcspn(at, ",");

		if (!read_network(at, len, &network))
			return problem_set(problem, PROBLEM_BAD_VALUE,
			                   "\"%.*s\" is no network, such as 10.1.0.0/16",
			                   (int)(len < 80 ? len : 80), at);
		vec_push(&networks->list, network);
		at += len;
		if (*at == '\0')
			return true;
	}
}

void networks_release(struct networks *networks)
{
	vec_release(&networks->list);
}

bool networks_hold(const struct networks *networks, const struct sockaddr *address)
{
	unsigned char bytes[16];

	if (!bytes_of(address, bytes))
		return false;
	for (size_t i = 0; i < networks->list.n; i++) {
		if (is_in(bytes, &networks->list.v[i]))
			return true;
	}
	return false;
}

bool address_is_loopback(const struct sockaddr *address)
{
	static const struct network loopback[] = {
	        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104},
	        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128}};
	unsigned char bytes[16];

	return bytes_of(address, bytes) &&
	       (is_in(bytes, &loopback[0]) || is_in(bytes, &loopback[1]));
}
