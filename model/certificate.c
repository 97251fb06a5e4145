#include "model/certificate.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define VALID_SECONDS (10L * 365 * 86400)

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool fill(X509 *cert, EVP_PKEY *key, const char *host)
{
	const unsigned char *common = (const unsigned char *)"scitq";
	X509_NAME *name = X509_get_subject_name(cert);
	struct str names = STR_INIT;
	uint64_t serial = 0;
	bool ok;

	str_addf(&names, "%s:%s", is_address(host) ? "IP" : "DNS", host);
	ok = RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	     X509_set_version(cert, X509_VERSION_3) == 1 &&
	     ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), VALID_SECONDS) != NULL &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
	     X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
	     add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
	     add_extension(cert, NID_subject_alt_name, names.p) &&
	     X509_sign(cert, key, EVP_sha256()) > 0;
	str_release(&names);
	return ok;
}

/* What was written to memory, into a file. */
static int keep(BIO *bio, const char *path, mode_t mode)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);

	return file_replace(path, data, (size_t)n, mode);
}

bool certificate_make(const char *host, const char *cert_path, const char *key_path,
                      struct str *error)
{
	EVP_PKEY *key;
	X509 *cert;
	BIO *cert_text, *key_text;
	int err = 0;
	bool made;

	if (access(cert_path, R_OK) == 0 && access(key_path, R_OK) == 0)
		return true;
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	cert_text = BIO_new(BIO_s_mem());
	key_text = BIO_new(BIO_s_mem());
	made = key != NULL && cert != NULL && cert_text != NULL && key_text != NULL &&
	       fill(cert, key, host) && PEM_write_bio_X509(cert_text, cert) == 1 &&
	       PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1;
	/* The certificate last: where it is there, so is its key. */
	if (made)
		err = keep(key_text, key_path, 0600);
	if (made && err == 0)
		err = keep(cert_text, cert_path, 0644);
	if (!made)
		str_addf(error, "no certificate can be made for %s", host);
	else if (err != 0)
		str_addf(error, "cannot write %s: %s", cert_path, strerror(-err));
	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(cert_text);
	BIO_free(key_text);
	return made && err == 0;
}
