#include "daemon/protocol/remote_access.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "daemon/protocol/hex.h"

namespace smiley::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTokenBegin = "smiley1_";
constexpr std::size_t kSecretDigits = 32, kFingerprintDigits = 64;
constexpr long kYears = 100L * 365 * 86400;  // clients check the fingerprint, not the dates

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;

Status MakeFailure(const std::string& what) {
  return Status(Code::kIo, "cannot create " + what + " for remote access");
}

// A new private file for writing; null with errno.
File NewFile(const fs::path& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return nullptr;
  File file(fdopen(fd, "w"));
  if (!file) close(fd);
  return file;
}

Result<std::string> ReadPrivate(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return Status::FromErrno("cannot read " + path.string(), errno);
  struct stat about {};
  char text[512];
  const bool known = fstat(fd, &about) == 0;
  const ssize_t got = read(fd, text, sizeof text);
  close(fd);
  if (!known || got < 0) return Status(Code::kIo, "cannot read " + path.string());
  if (about.st_uid != geteuid() || (about.st_mode & 077) != 0) {
    return Status(Code::kForeign,
                  path.string() + " may be read by other users: run chmod 600 on it, and better create a new token");
  }
  return std::string(text, static_cast<std::size_t>(got));
}

Result<std::string> FingerprintOf(const fs::path& path) {
  File file(std::fopen(path.c_str(), "re"));
  if (!file) return Status::FromErrno("cannot read " + path.string(), errno);
  const Certificate certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1)
    return Status(Code::kDamaged,
                  path.string() + " is no certificate: remove its directory, then smiley creates a new one");
  return FormatHex(digest, size);
}

Status MakeCertificate(const fs::path& dir) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  unsigned char serial[8];
  if (!key || !certificate || RAND_bytes(serial, sizeof serial) != 1) return MakeFailure("a key");
  std::uint64_t number = 0;
  for (const unsigned char byte : serial) number = number << 8 | byte;
  X509* x = certificate.get();
  X509_NAME* name = X509_get_subject_name(x);
  const bool made = X509_set_version(x, 2) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number >> 1) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(x), -86400) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(x), kYears) != nullptr && X509_set_pubkey(x, key.get()) == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                               reinterpret_cast<const unsigned char*>("smiley"), -1, -1, 0) == 1 &&
                    X509_set_issuer_name(x, name) == 1 && X509_sign(x, key.get(), EVP_sha256()) > 0;
  if (!made) return MakeFailure("a certificate");
  const File certificate_file = NewFile(dir / "certificate.pem"), key_file = NewFile(dir / "key.pem");
  if (!certificate_file || !key_file) return Status::FromErrno("cannot write in " + dir.string(), errno);
  if (PEM_write_X509(certificate_file.get(), x) != 1 ||
      PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      std::fflush(certificate_file.get()) != 0 || std::fflush(key_file.get()) != 0)
    return Status::FromErrno("cannot write in " + dir.string(), errno == 0 ? EIO : errno);
  return {};
}

Status MakeAccess(const fs::path& dir) {
  if (const Status made = MakeCertificate(dir); !made.ok()) return made;
  unsigned char secret[kSecretDigits / 2];
  if (RAND_bytes(secret, sizeof secret) != 1) return MakeFailure("a secret");
  const File file = NewFile(dir / "secret");
  if (!file || std::fputs((FormatHex(secret, sizeof secret) + "\n").c_str(), file.get()) < 0 ||
      std::fflush(file.get()) != 0)
    return Status::FromErrno("cannot write in " + dir.string(), errno);
  return {};
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// The file of the token for `address`. REQUIRES no slash in it, as ParseAddress ensures.
fs::path TokenPath(const shm::Home& home, const std::string& address) { return home.dir / "tokens" / address; }

}  // namespace

std::string FormatToken(const Token& token) {
  return std::string(kTokenBegin) + token.secret + "_" + token.fingerprint;
}

Result<Token> ParseToken(std::string_view text) {
  text = Trimmed(text);
  const Status wrong(Code::kInvalid,
                     "this is no smiley token: smiley-daemon token shows it on the machine that listens");
  if (!text.starts_with(kTokenBegin)) return wrong;
  text.remove_prefix(kTokenBegin.size());
  if (text.size() != kSecretDigits + 1 + kFingerprintDigits || text[kSecretDigits] != '_') return wrong;
  Token token{std::string(text.substr(0, kSecretDigits)), std::string(text.substr(kSecretDigits + 1))};
  if (!IsHex(token.secret, kSecretDigits) || !IsHex(token.fingerprint, kFingerprintDigits)) return wrong;
  return token;
}

Result<RemoteAccess> OpenRemoteAccess(const shm::Home& home) {
  const fs::path dir = home.dir / "remote";
  std::error_code error;
  if (!fs::exists(dir, error)) {
    // Written to a temporary directory and renamed: the first process wins, and no reader sees an incomplete one.
    std::string aside = dir.string() + ".XXXXXX";
    if (mkdtemp(aside.data()) == nullptr) return Status::FromErrno("cannot write in " + home.dir.string(), errno);
    const Status made = MakeAccess(aside);
    const bool renamed = made.ok() && rename(aside.c_str(), dir.c_str()) == 0;
    const int failed = errno;
    if (!renamed) fs::remove_all(aside, error);
    if (!made.ok()) return made;
    if (!renamed && failed != EEXIST && failed != ENOTEMPTY)
      return Status::FromErrno("cannot create " + dir.string(), failed);
  }
  RemoteAccess access;
  access.certificate = dir / "certificate.pem";
  access.key = dir / "key.pem";
  auto secret = ReadPrivate(dir / "secret");
  if (!secret.ok()) return secret.status();
  access.token.secret = std::string(Trimmed(*secret));
  auto fingerprint = FingerprintOf(access.certificate);
  if (!fingerprint.ok()) return fingerprint.status();
  access.token.fingerprint = std::move(*fingerprint);
  if (!IsHex(access.token.secret, kSecretDigits))
    return Status(Code::kDamaged,
                  dir.string() + " is damaged: remove it, then smiley creates a new one (and a new token)");
  return access;
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<Token> FindToken(const shm::Home& home, const std::string& address) {
  if (const char* text = std::getenv("SMILEY_TOKEN"); text != nullptr && *text != '\0') {
    auto token = ParseToken(text);
    if (!token.ok()) return Status(Code::kInvalid, "SMILEY_TOKEN: " + token.status().message());
    return token;
  }
  auto text = ReadPrivate(TokenPath(home, address));
  if (!text.ok() && text.status().code() == Code::kNotFound) {
    return Status(Code::kNotFound, "no token for " + address +
                                       ": run 'smiley-daemon token' there, then here: "
                                       "smiley-daemon token --save " +
                                       address + " (reads it from standard input), or set SMILEY_TOKEN");
  }
  if (!text.ok()) return text.status();
  return ParseToken(*text);
}

Status SaveToken(const shm::Home& home, const std::string& address, const Token& token) {
  const fs::path path = TokenPath(home, address);
  if (mkdir(path.parent_path().c_str(), 0700) != 0 && errno != EEXIST)
    return Status::FromErrno("cannot create " + path.parent_path().string(), errno);
  const fs::path fresh = path.string() + ".new";
  unlink(fresh.c_str());
  const File file = NewFile(fresh);
  const bool written =
      file && std::fputs((FormatToken(token) + "\n").c_str(), file.get()) >= 0 && std::fflush(file.get()) == 0;
  if (!written || rename(fresh.c_str(), path.c_str()) != 0)
    return Status::FromErrno("cannot write " + path.string(), errno);
  return {};
}

Result<Address> ParseAddress(std::string_view text) {
  const Status wrong(Code::kInvalid, "'" + std::string(text.substr(0, 80)) +
                                         "' is no address: it is HOST:PORT, as in 127.0.0.1:4040 or [::1]:4040");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  Address address{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong;
  }
  const bool named = !address.host.empty() && std::all_of(address.host.begin(), address.host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == ':' || c == '_' || c == '%';
  });
  const bool numbered =
      !address.port.empty() && address.port.size() <= 5 &&
      std::all_of(address.port.begin(), address.port.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
      std::stoi(address.port) <= 65535;
  if (!named || !numbered) return wrong;
  return address;
}

}  // namespace smiley::daemon
