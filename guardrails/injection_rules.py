"""The wordings of attacks on the assistant's rules, in English and Chinese."""

import re

_RULES_WORD = r"(?:instruction|prompt|rule|guideline|direction|directive|command|order|polic(?:y|ies)|restriction|constraint|programming|training|context|safety|message|text|task)s?"

RULES: dict[str, re.Pattern[str]] = {
    name: re.compile(rule)
    for name, rule in {
        "override": rf"\b(?:ignore|disregard|forget|override|bypass|discard|neglect|skip|overlook|drop)\b(?:\W+\w+){{0,4}}?\W+(?:previous|prior|above|earlier|preceding|initial|original|existing|former|your|all|any|system|the)\W+(?:\w+\W+){{0,3}}?{_RULES_WORD}\b",
        "override_chinese": r"(?:忽略|无视|忘记|忘掉|不要理会|绕过|跳过)[^。！？]{0,12}(?:指令|提示|规则|设定|要求|限制|命令|指示)",
    }.items()
}
