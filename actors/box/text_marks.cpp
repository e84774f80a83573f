#include "actors/box/text_marks.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "config/limits.hpp"

namespace godwit::box {
namespace {

using persistence::records::TextEntity;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }
constexpr bool is_host(char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '.'; }
/// What stands in front of the @ of an address of mail, and more than that: what a scheme or a host is made of.
constexpr bool is_run(char c) { return is_word(c) || c == '-' || c == '.' || c == '+' || c == '%'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

/// The countries' domains, two letters each.
constexpr std::string_view country_domains =
  "acadaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjbmbnbobrbsbtbwbybzcacccdcfcgchcickclcmcncocrcucvcwcxcyczdedjdkdm"
  "dodzeceeegereseteufifjfkfmfofrgagdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpkekgkhkikm"
  "knkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzompapepfpgphpk"
  "plpmpnprpsptpwpyqarerorsrurwsasbscsdsesgshsiskslsmsnsosrssstsusvsxsysztctdtftgthtjtktltmtntotrtttvtwtzuaugukusuyuzva"
  "vcvevgvivnvuwfwsyeytzazmzw";

constexpr std::array<std::string_view, 40> common_domains{
  "com",   "net",  "org",  "info", "biz",    "edu",    "gov",   "mil",  "int",  "arpa",
  "name",  "pro",  "aero", "coop", "museum", "mobi",   "asia",  "jobs", "tel",  "travel",
  "app",   "dev",  "xyz",  "top",  "site",   "online", "store", "shop", "club", "blog",
  "cloud", "tech", "page", "wiki", "link",   "live",   "space", "news", "chat", "world"};

bool is_top_domain(std::string_view name) {
  if (name.size() == 2) {
    for (std::size_t i = 0; i + 1 < country_domains.size(); i += 2) {
      if (lower(name[0]) == lower(country_domains[i]) && lower(name[1]) == lower(country_domains[i + 1])) {
        return true;
      }
    }
    return false;
  }
  if (name.size() < 2 || name.size() > 8) {
    return false;
  }
  const std::string wanted = lower(name);
  return std::find(common_domains.begin(), common_domains.end(), wanted) != common_domains.end();
}

/// Whether labels of 1 to 63 characters, at least two of them, with hyphens only within.
bool is_domain(std::string_view host) {
  constexpr std::size_t host_bytes_max = 253;
  constexpr std::size_t label_bytes_max = 63;
  if (host.empty() || host.size() > host_bytes_max) {
    return false;
  }
  std::size_t labels = 0;
  std::size_t begin = 0;
  while (begin <= host.size()) {
    const std::size_t end = std::min(host.find('.', begin), host.size());
    const std::string_view label = host.substr(begin, end - begin);
    if (label.empty() || label.size() > label_bytes_max || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), [](char c) { return is_word(c) || c == '-'; })) {
      return false;
    }
    ++labels;
    begin = end + 1;
  }
  return labels >= 2;
}

bool is_address(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; }) && is_domain(host) &&
         std::count(host.begin(), host.end(), '.') == 3;
}

std::string_view top_of(std::string_view host) { return host.substr(host.rfind('.') + 1); }

bool is_scheme(std::string_view name) {
  const std::string wanted = lower(name);
  return wanted == "http" || wanted == "https" || wanted == "ftp" || wanted == "tg" || wanted == "ton";
}

/// A character of more than one byte, and how many they are.
struct wide_character {
  utf8proc_int32_t code = 0;
  std::size_t bytes = 1;
};

wide_character wide_at(std::string_view text, std::size_t at) {
  wide_character found;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                      static_cast<utf8proc_ssize_t>(text.size() - at), &found.code);
  found.bytes = bytes > 0 ? static_cast<std::size_t>(bytes) : 1;
  return found;
}

bool is_wide_letter(utf8proc_int32_t code) {
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ND: return true;
  default: return false;
  }
}

bool is_wide_space(utf8proc_int32_t code) {
  const auto category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
         category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_PI || category == UTF8PROC_CATEGORY_PF;
}

/// Goes over a text once, from left to right.
class marker {
public:
  marker(std::string_view text, std::size_t entities_max, text_entity_list& entities)
      : text_(text), entities_max_(static_cast<int>(entities_max)), given_(entities.size()), entities_(entities) {}

  void run() {
    while (at_ < text_.size() && entities_.size() < entities_max_) {
      const char c = text_[at_];
      if (is_run(c)) {
        take_run();
      } else if (c == '@') {
        take_mention();
      } else if (c == '#') {
        take_hashtag();
      } else if (c == '/') {
        take_command();
      } else {
        ++at_;
      }
    }
  }

private:
  [[nodiscard]] char char_at(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  [[nodiscard]] std::size_t end_of(std::size_t from, bool (*is)(char)) const {
    while (from < text_.size() && is(text_[from])) {
      ++from;
    }
    return from;
  }
  /// Whether a word may begin here: nothing that could belong to it stands in front.
  [[nodiscard]] bool begins_word() const {
    if (at_ == 0) {
      return true;
    }
    const char before = text_[at_ - 1];
    if (static_cast<unsigned char>(before) < 0x80) {
      return !is_word(before);
    }
    std::size_t first = at_ - 1;
    while (first > 0 && (static_cast<unsigned char>(text_[first]) & 0xC0) == 0x80) {
      --first;
    }
    return !is_wide_letter(wide_at(text_, first).code);
  }

  void take_run() {
    const std::size_t begin = at_;
    const std::size_t end = end_of(begin, is_run);
    const std::string_view run = text_.substr(begin, end - begin);
    at_ = end;
    if (text_.substr(end, 3) == "://") {
      std::size_t scheme = end;
      while (scheme > begin && is_letter(text_[scheme - 1])) {
        --scheme;
      }
      if (is_scheme(text_.substr(scheme, end - scheme))) {
        take_link(scheme, end + 3);
      }
    } else if (char_at(end) == '@') {
      take_mail(begin, end);
    } else {
      take_bare_link(begin, run);
    }
  }

  /// The end of a host in front of which a scheme and :// stand: or the place itself.
  [[nodiscard]] std::size_t end_of_host(std::size_t from) const {
    std::size_t end = from;
    while (end < text_.size()) {
      if (is_host(text_[end]) || text_[end] == '_') {
        ++end;
        continue;
      }
      if (static_cast<unsigned char>(text_[end]) < 0x80) {
        break;
      }
      const wide_character wide = wide_at(text_, end);
      if (!is_wide_letter(wide.code)) {
        break;
      }
      end += wide.bytes;
    }
    while (end > from && (text_[end - 1] == '.' || text_[end - 1] == '-')) {
      --end;
    }
    return end;
  }

  void take_link(std::size_t begin, std::size_t host) {
    const std::size_t end = end_of_host(host);
    if (end == host) {
      at_ = host;
      return;
    }
    const std::string_view name = text_.substr(host, end - host);
    const char first = lower(text_[begin]);
    const bool wide =
      std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    if (first != 't' && !wide && !is_domain(name) && name != "localhost") {
      at_ = end;
      return;
    }
    add_link(begin, end);
  }

  void take_bare_link(std::size_t begin, std::string_view run) {
    if (begin > 0 && (text_[begin - 1] == '@' || text_[begin - 1] == '/')) {
      return;
    }
    while (!run.empty() && !is_digit(run.front()) && !is_letter(run.front())) {
      run.remove_prefix(1);
      ++begin;
    }
    while (!run.empty() && !is_digit(run.back()) && !is_letter(run.back())) {
      run.remove_suffix(1);
    }
    if (run.find('.') == std::string_view::npos || !is_domain(run) || !is_top_domain(top_of(run))) {
      return;
    }
    add_link(begin, begin + run.size());
  }

  /// A link whose scheme and host end there: with its port, path and question.
  void add_link(std::size_t begin, std::size_t end) {
    if (char_at(end) == ':' && is_digit(char_at(end + 1))) {
      const std::size_t port = end_of(end + 1, is_digit);
      if (port - end <= 6) {
        end = port;
      }
    }
    const char next = char_at(end);
    if (next == '/' || next == '?' || next == '#') {
      end = end_of_path(end);
    }
    add(text_entity_kind::url, begin, end);
    at_ = std::max(at_, end);
  }

  [[nodiscard]] std::size_t end_of_path(std::size_t from) const {
    std::size_t end = from;
    int open = 0; // brackets of every sort, so that one that closes what stands around the link is not taken
    while (end < text_.size()) {
      const char c = text_[end];
      if (static_cast<unsigned char>(c) >= 0x80) {
        const wide_character wide = wide_at(text_, end);
        if (is_wide_space(wide.code)) {
          break;
        }
        end += wide.bytes;
        continue;
      }
      if (c <= ' ' || c == 0x7F || c == '<' || c == '>' || c == '"' || c == '`' || c == '|' || c == '\\') {
        break;
      }
      if (c == '(' || c == '[' || c == '{') {
        ++open;
      } else if ((c == ')' || c == ']' || c == '}') && --open < 0) {
        break;
      }
      ++end;
    }
    constexpr std::string_view endings = ".,:;!?'([{";
    while (end > from && endings.find(text_[end - 1]) != std::string_view::npos) {
      --end;
    }
    return end;
  }

  void take_mail(std::size_t begin, std::size_t sign) {
    constexpr std::size_t name_bytes_max = 64;
    while (begin < sign && !is_word(text_[begin])) {
      ++begin;
    }
    std::size_t end = end_of(sign + 1, is_host);
    while (end > sign + 1 && (text_[end - 1] == '.' || text_[end - 1] == '-')) {
      --end;
    }
    const std::string_view host = text_.substr(sign + 1, end - sign - 1);
    if (begin == sign || sign - begin > name_bytes_max || text_[sign - 1] == '.' || !is_domain(host) ||
        is_word(char_at(end)) || !std::all_of(top_of(host).begin(), top_of(host).end(), is_letter) ||
        top_of(host).size() < 2) {
      return;
    }
    add(text_entity_kind::email, begin, end);
    at_ = end;
  }

  void take_mention() {
    const bool begins = begins_word();
    const std::size_t begin = at_++;
    const std::size_t end = end_of(at_, is_word);
    const std::size_t length = end - begin - 1;
    if (begins && length >= limits::mention_characters_min && length <= limits::mention_characters_max) {
      add(text_entity_kind::mention, begin, end);
      at_ = end;
    }
  }

  void take_hashtag() {
    const bool begins = begins_word();
    const std::size_t begin = at_++;
    bool named = false;
    std::size_t characters = 0;
    std::size_t end = at_;
    while (end < text_.size()) {
      const char c = text_[end];
      if (static_cast<unsigned char>(c) < 0x80) {
        if (!is_word(c)) {
          break;
        }
        named |= !is_digit(c);
        ++end;
      } else {
        const wide_character wide = wide_at(text_, end);
        if (!is_wide_letter(wide.code)) {
          break;
        }
        named |= utf8proc_category(wide.code) != UTF8PROC_CATEGORY_ND;
        end += wide.bytes;
      }
      ++characters;
    }
    if (begins && named && characters <= limits::hashtag_characters_max && char_at(end) != '#') {
      add(text_entity_kind::hashtag, begin, end);
    }
    at_ = end;
  }

  void take_command() {
    const bool begins =
      begins_word() &&
      (at_ == 0 || (text_[at_ - 1] != '/' && text_[at_ - 1] != '<' && text_[at_ - 1] != '>' && text_[at_ - 1] != ':'));
    const std::size_t begin = at_++;
    std::size_t end = end_of(at_, is_word);
    const std::size_t length = end - begin - 1;
    if (!begins || length == 0 || length > limits::command_characters_max) {
      return;
    }
    if (char_at(end) == '@') {
      const std::size_t name = end_of(end + 1, is_word);
      if (name - end - 1 >= limits::mention_characters_min && name - end - 1 <= limits::mention_characters_max) {
        end = name;
      }
    }
    const char next = char_at(end);
    if (next == '/' || next == '<' || next == '>' || (next == '.' && is_word(char_at(end + 1)))) {
      at_ = end;
      return;
    }
    add(text_entity_kind::bot_command, begin, end);
    at_ = end;
  }

  void add(text_entity_kind kind, std::size_t begin, std::size_t end) {
    const std::int32_t offset = units_at(begin);
    const std::int32_t length = units_at(end) - offset;
    for (int i = 0; i < given_; ++i) {
      const TextEntity& other = entities_.Get(i);
      const bool apart = other.offset() >= offset + length || other.offset() + other.length() <= offset;
      if (!apart && !is_style(static_cast<text_entity_kind>(other.kind()))) {
        return;
      }
    }
    TextEntity* entity = entities_.Add();
    entity->set_kind(static_cast<std::uint32_t>(kind));
    entity->set_offset(offset);
    entity->set_length(length);
  }

  static bool is_style(text_entity_kind kind) {
    switch (kind) {
    case text_entity_kind::bold:
    case text_entity_kind::italic:
    case text_entity_kind::underline:
    case text_entity_kind::strike:
    case text_entity_kind::spoiler:
    case text_entity_kind::blockquote: return true;
    default: return false;
    }
  }

  /// UTF-16 units in front of a byte; asked for ever greater ones.
  std::int32_t units_at(std::size_t byte) {
    units_ += utf16_length(text_.substr(counted_, byte - counted_));
    counted_ = byte;
    return static_cast<std::int32_t>(units_);
  }

  std::string_view text_;
  int entities_max_;
  int given_;
  text_entity_list& entities_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;
  std::size_t units_ = 0;
};

} // namespace

void mark_text(std::string_view text, std::size_t entities_max, text_entity_list& entities) {
  if (text.find_first_of("@#/.") == std::string_view::npos) {
    return; // most texts
  }
  marker(text, entities_max, entities).run();
}

std::string link_address(std::string_view address) {
  while (!address.empty() && address.front() == ' ') {
    address.remove_prefix(1);
  }
  while (!address.empty() && address.back() == ' ') {
    address.remove_suffix(1);
  }
  if (address.empty() || address.size() > limits::link_bytes_max ||
      std::any_of(address.begin(), address.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F || c == '<' || c == '>'; })) {
    return {};
  }
  const std::size_t colon = address.find("://");
  const bool schemed = colon != std::string_view::npos && colon > 0 &&
                       std::all_of(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(colon), is_letter);
  const std::size_t host_at = schemed ? colon + 3 : 0;
  std::string_view host = address.substr(host_at);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const std::size_t user = host.rfind('@'); user != std::string_view::npos) {
    host.remove_prefix(user + 1);
  }
  host = host.substr(0, host.find(':'));
  const bool wide = std::any_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (schemed) {
    const std::string scheme = lower(address.substr(0, colon));
    const bool named =
      !host.empty() && (scheme == "tg" || scheme == "ton" || wide || is_domain(host) || host == "localhost");
    return is_scheme(scheme) && named ? std::string(address) : std::string();
  }
  const bool named = is_address(host) || (is_domain(host) && is_top_domain(top_of(host))) ||
                     (wide && host.find('.') != std::string_view::npos);
  return named ? "http://" + std::string(address) : std::string();
}

} // namespace godwit::box
