#include "actors/account/device_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "config/limits.hpp"

namespace godwit::account {
namespace {

bool is_control(char each) { return static_cast<unsigned char>(each) < 0x20 || each == 0x7f; }

bool continues(char each) { return (static_cast<unsigned char>(each) & 0xc0) == 0x80; }

std::string without_controls(const std::string& text) {
  std::string clean;
  for (const char each : text) {
    if (!is_control(each)) {
      clean.push_back(each);
    }
  }
  const auto first = clean.find_first_not_of(' ');
  const auto last = clean.find_last_not_of(' ');
  return first == std::string::npos ? std::string{} : clean.substr(first, last - first + 1);
}

/// Cut between two characters.
std::string bounded(const std::string& text) {
  std::string clean = without_controls(text);
  if (clean.size() > limits::device_text_bytes_max) {
    std::size_t end = limits::device_text_bytes_max;
    while (end > 0 && continues(clean[end])) {
      --end;
    }
    clean.resize(end);
  }
  return clean;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each + ('a' - 'A')) : each; });
  return text;
}

std::string platform_of(const client_device& client) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> words = {{{"android", "Android"},
                                                                                          {"sdk ", "Android"},
                                                                                          {"ios", "iOS"},
                                                                                          {"iphone", "iOS"},
                                                                                          {"macos", "macOS"},
                                                                                          {"darwin", "macOS"},
                                                                                          {"windows", "Windows"},
                                                                                          {"linux", "Linux"}}};
  const std::string said = lower(client.system_version + " " + client.device_model);
  for (const auto& [word, platform] : words) {
    if (said.find(word) != std::string::npos) {
      return std::string(platform);
    }
  }
  return {};
}

std::string app_name_of(const client_device& client) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> packs = {{{"tdesktop", "Desktop"},
                                                                                          {"android", "Android"},
                                                                                          {"ios", "iOS"},
                                                                                          {"macos", "macOS"},
                                                                                          {"weba", "Web A"},
                                                                                          {"webk", "Web K"}}};
  for (const auto& [pack, name] : packs) {
    if (client.lang_pack == pack) {
      return std::string(name);
    }
  }
  // Applications are registered nowhere here: the number is all that is known.
  return "App " + std::to_string(client.api_id);
}

} // namespace

std::optional<std::string> cleaned_name(const std::string& text) {
  std::string clean = without_controls(text);
  const auto characters = std::count_if(clean.begin(), clean.end(), [](char each) { return !continues(each); });
  if (clean.size() > limits::name_bytes_max || static_cast<std::size_t>(characters) > limits::name_characters_max) {
    return std::nullopt;
  }
  return clean;
}

command::Device device_of(const client_device& client) {
  command::Device device;
  device.set_api_id(client.api_id);
  device.set_device_model(bounded(client.device_model));
  device.set_system_version(bounded(client.system_version));
  device.set_app_name(app_name_of(client));
  device.set_app_version(bounded(client.app_version));
  device.set_platform(platform_of(client));
  device.set_system_lang_code(bounded(client.system_lang_code));
  device.set_lang_code(bounded(client.lang_code));
  return device;
}

} // namespace godwit::account
