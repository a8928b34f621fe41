#pragma once

#include <optional>
#include <string_view>

// What a Keras model may name, as data. Names are compared exactly.
namespace batuta::safety::keras {

// A class that only holds numbers and other such classes, or a mark for a plain value.
bool IsClass(std::string_view name);

// An operation of keras.ops that only computes.
bool IsOperation(std::string_view name);

// An activation, loss, metric or initializer that is a function.
bool IsFunction(std::string_view name);

// A class that holds a program or loads one.
bool IsProgram(std::string_view name);

// A class with the prefix of a package that Keras registers by itself.
bool IsRegistered(std::string_view name);

// Modules that hold those classes, operations and functions.
bool IsClassModule(std::string_view module);
bool IsOperationModule(std::string_view module);
bool IsFunctionModule(std::string_view module);

}  // namespace batuta::safety::keras
