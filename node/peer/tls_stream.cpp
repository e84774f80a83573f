#include "node/peer/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <new>
#include <utility>

#include "node/peer/tls_words.hpp"

namespace godwit::node {

namespace {

peer_socket& socket_of(BIO* bio) { return *static_cast<peer_socket*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* to, std::size_t room, std::size_t* got) {
  peer_socket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  *got = socket.receive(to, room);
  if (*got == 0 && !socket.ended()) {
    BIO_set_retry_read(bio);
  }
  return *got != 0 ? 1 : 0;
}

int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* put) {
  BIO_clear_retry_flags(bio);
  socket_of(bio).write({from, size});
  *put = size;
  return 1;
}

long bio_control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

/// A socket as OpenSSL sees it.
const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "peer_socket");
    if (made == nullptr || BIO_meth_set_read_ex(made, bio_read) != 1 || BIO_meth_set_write_ex(made, bio_write) != 1 ||
        BIO_meth_set_ctrl(made, bio_control) != 1 || BIO_meth_set_create(made, bio_create) != 1) {
      throw std::bad_alloc();
    }
    return made;
  }();
  return method;
}

} // namespace

tls_stream::tls_stream(std::shared_ptr<const tls_setting> setting, peer_socket& socket, bool accepted,
                       persistence::node_id expected)
    : setting_(std::move(setting)), ssl_(SSL_new(setting_->context())), socket_(socket), expected_(expected) {
  BIO* const bio = ssl_ != nullptr ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, &socket_);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  accepted ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
}

tls_stream::~tls_stream() { SSL_free(ssl_); }

byte_stream::progress tls_stream::agree() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    return progress::done;
  }
  if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) {
    return progress::waits;
  }
  fail(result, false);
  return progress::failed;
}

std::size_t tls_stream::read(std::span<char> to) {
  if (!failure_.empty()) {
    return 0;
  }
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_, to.data(), to.size(), &got);
  if (result == 1) {
    return got;
  }
  if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) {
    fail(result, true);
  }
  return 0;
}

void tls_stream::write(std::string_view bytes) {
  if (!failure_.empty()) {
    return;
  }
  ERR_clear_error();
  std::size_t put = 0;
  // The socket's output takes everything, so that a write is never half done.
  const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &put);
  if (result != 1) {
    fail(result, true);
  }
}

void tls_stream::finish() {
  if (failure_.empty() && SSL_is_init_finished(ssl_) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
}

void tls_stream::fail(int result, bool agreed) {
  const int kind = SSL_get_error(ssl_, result);
  if (!refused_.empty()) {
    failure_ = refused_;
  } else if (kind == SSL_ERROR_ZERO_RETURN) {
    failure_ = "the other node closed it";
  } else if (kind == SSL_ERROR_SSL) {
    failure_ = words_for_reason(ERR_peek_error());
  } else {
    failure_ = agreed ? socket_.why_ended() : words_for_end(socket_.why_ended());
  }
  ERR_clear_error();
}

int tls_stream::verify(int good, X509_STORE_CTX* about) {
  const auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(about, SSL_get_ex_data_X509_STORE_CTX_idx()));
  return static_cast<tls_stream*>(SSL_get_app_data(ssl))->judge(good == 1, about) ? 1 : 0;
}

bool tls_stream::judge(bool good, X509_STORE_CTX* about) {
  if (!good) {
    refused_ = words_for_certificate(X509_STORE_CTX_get_error(about), X509_STORE_CTX_get_current_cert(about));
    return false;
  }
  if (X509_STORE_CTX_get_error_depth(about) != 0 || judge_name(about)) {
    return true;
  }
  X509_STORE_CTX_set_error(about, X509_V_ERR_APPLICATION_VERIFICATION);
  return false;
}

bool tls_stream::judge_name(X509_STORE_CTX* about) {
  const certificate_subject named = subject_of(X509_STORE_CTX_get_current_cert(about));
  if (named.node == persistence::no_node) {
    refused_ = words_for_no_name();
  } else if (named.cluster_id != setting_->cluster_id()) {
    refused_ = words_for_other_cluster(setting_->cluster_id());
  } else if (expected_ != persistence::no_node && named.node != expected_) {
    refused_ = words_for_other_node(named.node, expected_);
  } else {
    certified_ = named.node;
  }
  return refused_.empty();
}

} // namespace godwit::node
