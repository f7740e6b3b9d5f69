"""The wordings by which texts try to give an assistant new rules, in English and Chinese and a little beyond."""

import re

# What governs an assistant, and words that say it is the assistant's own.
_LAW = (
    r"(?:instruct\w*|prompts?|rules?|guide ?lines?|directi(?:on|ve)s?|commands?|orders?|polic(?:y|ies)|restrictions?|"
    r"constraints?|programming|training|protocols?|safeguards?|guardrails?|boundaries|principles?|context)"
)
_SAFETY = (
    r"(?:safety|filter(?:s|ing)?|guard ?rails?|safeguards?|restrictions?|censorship|content polic(?:y|ies)|moderation|"
    r"ethic(?:s|al)|alignment|limitations?|constraints?|guide ?lines?|security)"
)
_INNER = r"(?:system|hidden|initial|initialization|original|internal|secret|core|base|underlying|root|private|complete|full|entire|exact|current|default|startup|developer|starting|first)"
_SHOW = (
    r"(?:show|reveal|print|repeat|tell|give|display|output|expose|disclose|share|list|dump|leak|recite|describe|provide|"
    r"translate|spell|summari[sz]e|paraphrase|explain|copy|return|write|state|read|view|see|access|quote|echo|encode|divulge|unveil|include)"
)
_FREE = r"(?:unfiltered|uncensored|unrestricted|unlimited|unbound|jailbroken|unethical|amoral|evil|limitless)"
_FEW = r"(?:\W+\w+)"

_ENGLISH = {
    "override": (
        rf"\b(?:ignor\w+|disregard\w*|forget|overrid\w+|overrul\w+|bypass\w*|discard|neglect|overlook|abandon|cancel|erase|dismiss|transcend|cast aside|set aside|put aside)\b{_FEW}{{0,3}}?\W+"
        rf"(?:(?:previous|prior|above|earlier|preceding|initial|original|former|your|you|system|safety|foregoing|given)\b{_FEW}{{0,4}}?\W+{_LAW}|your\W+(?:\w+\W+)?(?:default|standard|ethical|usual|core|programmed|normal)\W+\w+)\b"
    ),
    "override_all": (
        r"\b(?:ignor(?:e|ing)|disregard|forget|override|bypass|discard)\W+(?:all|any|every|everything|the|these|those)\W+"
        r"(?:of\W+)?(?:(?:the|your|these|those|other|existing|current|such)\W+)?(?:instructions?|prompts?|rules|guide ?lines|directives|restrictions)\b"
    ),
    "override_past": (
        r"\b(?:ignor(?:e|ing)|disregard|forget)\b(?:\W+\w+){0,2}?\W+(?:everything|anything|all|what|whatever)?\W*(?:(?:you|i)\W+(?:were|was|are|have been|had been|have|ve|just)?\W*"
        r"(?:told|said|instructed|taught|learned|given)|(?:said |written )?(?:above|before this|prior to this|that came before)\b)"
    ),
    "disobey": (
        rf"\b(?:do not|don'?t|dont|stop|never|no longer|without|cease|refuse to|need not)\W+(?:have to |need to )?(?:follow\w*|obey\w*|adher\w+ to|comply\w* with|respect\w*|abid\w+ by)\W+"
        rf"(?:\w+\W+){{0,3}}?{_LAW}\b"
    ),
    "reveal_own": (
        rf"\b(?:{_SHOW}|what(?:'s| is| are| was| were| does| do)?|which|where|how)\b{_FEW}{{0,6}}?\W+your\W+(?:\w+\W+){{0,2}}?"
        r"(?:instructions?|(?:system |initial )?prompts?|guide ?lines|directives?|config(?:uration)?|parameters|restrictions|programming|rules|constraints|safety (?:settings|filters))\b"
        r"(?!\W+(?:on|for|about|regarding|to|when|concerning|around|if)\b)"
    ),
    "own_law": (
        r"\byour\W+(?:\w+\W+)?(?:system prompts?|hidden (?:prompt|instructions?|rules)|initial (?:prompt|instructions?)|prompts?|programming|restrictions?|guardrails|safety (?:guide ?lines|filters|training|rules)|ethical (?:guide ?lines|constraints)|system (?:message|instructions?)|underlying instructions?|content polic(?:y|ies)|initialization|directives?)\b"
        r"(?!\W+(?:on|for|about|regarding|concerning|around)\b)"
    ),
    "reveal_inner": (
        rf"\b(?:show|reveal|print|repeat|tell|give|display|output|expose|disclose|share|list|dump|leak|recite|provide|copy|quote|echo|divulge|unveil|recall)\b{_FEW}{{0,5}}?\W+(?:(?:system|hidden|initial|initialization|original|internal|secret|core|base|underlying|root|complete|exact|starting|first|concealed|key|developer)(?:\W+\w+)?\W+(?:prompt|instructions?|directives?|guide ?lines|rules|config(?:uration)?|parameters)|(?:system|initial)_prompt)\b"
        r"|\b(?:reveal|disclose|expose|leak|dump|divulge|unveil|authori[sz]ed? (?:view|access))\b(?:\W+\w+){0,2}?\W+(?:prompts?|instructions?|guide ?lines|config(?:uration)?|restrictions?|directives|api keys?|credentials)\b|\$\{?\{?system_?prompt|\breveal_\w+|\bprint\(system"
    ),
    "reveal_told": (
        r"\b(?:what|which|repeat|print|show|list|tell|output|copy)\b(?:\W+\w+){0,6}?\W+(?:you\W+(?:were|was|are|have been|had been)\W+(?:first |originally |initially )?"
        r"(?:given|told|instructed|programmed|configured|trained)|(?:text|words|everything|all|lines?|content|message)\W+(?:that (?:is |are |was )?)?(?:above|before this|prior to this))\b"
    ),
    "safety_off": (
        rf"\b(?:disabl\w+|turn(?:ed|ing)? off|deactivat\w+|remov\w+|bypass\w*|circumvent\w*|overrid\w+|suspend\w*|switch(?:ed)? off|lift(?:ed)?|drop|break free (?:from|of)|ignor\w+|evade|eliminate)\b"
        rf"(?:\W+(?:all|any|your|the|its|every|these|those|of|ai|own|usual|normal|built|in|internal|ethical|safety)){{1,4}}\W+{_SAFETY}\b"
        r"|\b(?:safety|filters?|filtering|restrictions?|guardrails?|censorship|moderation|ethics)(?:_\w+)?\W{0,3}(?:mode\W+|is\W+|are\W+|have been\W+|were\W+)?\W{0,3}(?:off|disabled|false|none|suspended|removed|lifted|bypassed|deactivated)\b"
        r"|\b(?:disable|bypass|ignore|override|remove)[_ ](?:restrictions|safety|filters|guardrails|limitations)\b"
    ),
    "free_persona": (
        rf"\b(?:you are|you re|be|being|act(?:ing)?|respond\w*|answer\w*|behave|pretend\w*|role ?play\w*|become|remain|stay|speak|reply|help\w*|operate|run|go)\W+(?:(?:as|like|in|to be|me|an?|completely|fully|totally|truly|now|being|is|are)\W+){{0,4}}{_FREE}\b"
        rf"|\b{_FREE}\b{_FEW}{{0,1}}?\W+(?:ai|assistant|mode|model|version|persona|response|answer|chat ?bot|bot|gpt|language|access)\b"
    ),
    "without_limits": (
        r"\b(?:without|no|free (?:of|from)|not bound by|unbound by|unconstrained by|zero|lacks?|has no|have no|had no)\W+(?:any\W+|all\W+|your\W+|the\W+|more\W+|longer\W+)?"
        r"(?:(?:ai|usual|ethical|moral|content|programmed|built in|typical)\W+(?:\w+\W+){0,2}?(?:restrictions?|limit\w*|filters?|guide ?lines|constraints?|boundaries|rules|safeguards?|polic(?:y|ies))|filters|censorship|guardrails)\b"
        r"|\b(?:you|respond|answer|ai|assistant|act)\b[^.?!\n]{0,50}\b(?:without|no|zero)\W+(?:any\W+)?(?:restrictions|limitations|rules|limits)\b"
    ),
    "special_mode": (
        r"\b(?:do anything now|(?:dan|dev|developer|debug|god|sudo|admin(?:istrator)?|root|maintenance|super ?user|diagnostic|opposite|jail ?break|unrestricted|privileged|override|evil|chaos)[ _-](?:mode|override)|mode\W{1,3}(?:admin|root|developer|debug|unrestricted|override|god|jailbreak))\b|\bantigpt\b"
        r"|^sudo\b|\b(?:enable|activate|enter|switch to|unlock|engage|initiate)\W+(?:\w+\W+){0,2}?(?:developer|debug|god|admin|root|dan|unrestricted|super ?user|maintenance|test|jailbreak|unlimited)\W+(?:mode|access|environment|interface|state)\b"
    ),
    "new_self": (
        r"\b(?:from now on|henceforth|starting now|for the rest of (?:this|our) (?:chat|conversation|session))\W+(?:you|your|ignore|act|respond|answer|forget)\b"
        r"|\byou (?:are|re) (?:now|no longer)\b(?! (?:able|allowed|connected|logged|subscribed|enrolled|ready|registered|free to))"
        r"|\b(?:pretend|imagine|suppose|assume|act as if|act like|picture)\b(?:\W+\w+){0,8}?\W+(?:no|without|removed|lifted|disabled|abolished|free of|free from|not have)\b(?:\W+\w+){0,3}?\W+(?:restrictions?|rules|limits?|limitations|filters?|guide ?lines|safety|ethics|constraints|guardrails|policies)\b"
    ),
    "false_authority": (
        r"\b(?:admin|executive|system|emergency|security|root|developer|authority|master|safety|policy)[ _-]?(?:override|bypass)\b"
        r"|[\[(<{]\W{0,4}(?:admin|system|override|root|developer|debug|security|instruction|assistant|internal|important|note)\b[^\])>}]{0,12}:[^\])>}]{0,120}\b(?:reveal|show|include|output|ignore|disclose|print|display|disable|authorized|instructions?|prompt|configuration|parameters)\b"
        r"|\b(?:i am|i'm|as|this is|speaking as|acting as)\W+(?:an?|your|the|one of your)?\W*(?:\w+\W+){0,2}?(?:developers?|creators?|administrators?|admin|openai|anthropic|engineers?|auditors?)\b[^.?!\n]{0,60}\b(?:reveal|show|disclose|override|disable|prompt|guide ?lines|instructions|restrictions|your configuration)\b"
    ),
    "turn_marks": (
        r"<\|?/?(?:im_start|im_end|im_sep|system|assistant|begin|end|endoftext|user|tool)[ _\w]{0,20}\|?>|\[/?inst\]|<</?sys>>|"
        r"(?:^|\s)#{2,}\s*(?:new |system |updated )?(?:instructions?|system|prompt)\b\W*[:\n#]|</?(?:system|instructions?|prompt|assistant)>|\bbegin (?:system|new) (?:prompt|instructions?)\b|\bassistant to="
    ),
    "new_orders": (
        r"\b(?:new|updated?|revised|real|actual|true|additional|important)\W+(?:system\W+)?(?:instructions?|directives?|orders|rules|task|prompt|objective)\W*(?:is|are)?\W*:"
        r"|\byour (?:new|real|true|only|actual|sole) (?:task|job|goal|instructions?|purpose|role|objective|mission|rules?)\b"
    ),
    "laws_void": (
        r"\b(?:previous|prior|above|your|all|safety|these|those|the|usual|normal)\W+(?:\w+\W+)?(?:instructions?|rules|restrictions|guide ?lines|polic(?:y|ies)|filters|constraints|safeguards)\W+(?:\w+\W+)?"
        r"(?:are|is|were|was|have been|has been|do not|don't|no longer|does not)\W+(?:now\W+|all\W+|no longer\W+)?(?:void|canc\w+|suspended|lifted|removed|disabled|obsolete|revoked|apply|valid|relevant|outdated|irrelevant|bypassed|overridden|in effect)\b"
    ),
    "secrets": (
        r"\b(?:give|share|provide|reveal|disclose|tell|send|show|grant|leak|hand over|print|spell|say|repeat|list|expose|release)\b(?:\W+\w+){0,5}?\W+"
        r"(?:(?:confidential|classified|privileged|proprietary)\W+(?:\w+\W+){0,3}?(?:data|information|records?|files?|details|reports?|documents?|secrets?)|(?:sensitive|private|personal)\W+(?:users?|customers?|company|financial|medical|clients?|patients?|government)\W+(?:\w+\W+)?(?:data|information|records?|details|history))\b"
        r"|\b(?:give|share|provide|reveal|disclose|tell|send|show|grant|leak|hand over|print|spell|say|repeat|list)\b(?:\W+\w+){0,4}?\W+(?:your|the|all|any|me|us|with)\W+(?:\w+\W+)?(?:secret|access|admin|hidden|master|root)\W+(?:keys?|passwords?|words?|phrases?|values?|data|credentials)\b"
        r"|\b(?:tell|give|reveal|show|print|spell|say|repeat|share)\W+(?:\w+\W+){0,3}?your (?:secret|secrets|password|passphrase|passcode|(?:login )?credentials|api keys?)\b"
        r"|\b(?:give|share|provide|send|show|tell)\W+(?:me|us)\W+(?:\w+\W+){0,3}?(?:(?:your )?users?'?s?'?|patients?'?s?|someone'?s?|customers?'?s?|anyone'?s?)\W+(?:\w+\W+){0,2}?(?:credentials|passwords?|medical|records|private|personal|financial|login)\b"
    ),
    "hide_from_user": r"\b(?:do not|don'?t|never|without)\W+(?:tell\w*|mention\w*|inform\w*|alert\w*|notify\w*|let\w*|warn\w*|reveal\w*)\W+(?:\w+\W+){0,3}?the user\b",
    "run_code": (
        r"(?:^|[.!?]\s)\W{0,4}(?:run|execute|eval|bypass|process|perform|interpret|command|parse and run)\W{0,3}[:`'\"‘“][^\n]{0,160}"
        r"(?:\w*eval\w*\(|exec\w*\(|os\.system|system\(|subprocess|child_process|__import__|__builtins__|import os\b|rm -rf|\bwhoami\b|/etc/passwd|\bnc -|\b(?:ba|z|k)?sh -c|powershell|invoke-|runtime\.exec|process\.|fork\b|curl |wget |<script|/dev/tcp)"
    ),
    "forced_words": r"\b(?:say|print|output|respond|reply|write|return|answer|display)\b[^.?!\n]{0,60}\b(?:i have been (?:pwned|hacked)|pwned|hacked|haha|jailbroken)\b|\bpwned\b",
    "decode_and_obey": r"\b(?:decode|decrypt|decipher|translate|unscramble|rot13|base64|reverse)\b[^.?!\n]{0,80}\b(?:and|then)\W+(?:then\W+)?(?:follow|execute|obey|run|do what|carry out|act on|comply)\b",
    "other_languages": (
        r"\b(?:ignor(?:a|ez|er|iere|ieren|ar|are)|olvid(?:a|e)|oubli(?:e|ez)|vergiss|missachte|esque(?:ce|ça)|dimentica|desconsidera|descarta|desecha|outrepasse|abbandona|abandona|anula|contourne|deixa de lado|deja de lado|mets de côté|écarte|verlasse|despreza|disattendi|rinuncia|supera|umgehe|annulla|desactiva|désactive|deaktiviere)\b[^.?!\n]{0,60}"
        r"\b(?:instruc\w+|instruktion\w*|anweisung\w*|regeln|reglas|regras|regole|règles|consignes|directi?[vr]\w+|directrices|diretrizes|pautas|istruzioni|program\w+|restric\w+|einstellungen|\w*einschränkungen|\w*beschränkungen|protocol\w*|protokolle|éti\w+|eti\w+|limit\w+|rahmen)"
        r"|\b(?:revel(?:a|e|ar|ez)|révèle\w*|mu[eé]stra\w*|mostra\w*|montre\w*|zeige?|enthülle|offenbare|dime|dimmi|dis-moi|expon\w*|espone|expõe|svela|verrate|démasque|dévoile)\b[^.?!\n]{0,50}(?:instruc\w+|prompt|invite|anweisung\w*|directi?[vr]\w+|direktive\w*|\w+direktive|istruzion\w+|direttiva|diretriz|comando|befehl|consigne\w*)"
    ),
}

_CHINESE_LAW = r"(?:指令|指示|提示词?|提示语|规则|设定|要求|限制|命令|约束|准则|规定|上下文|人设|政策)"

_CHINESE = {
    "chinese_override": rf"(?:忽略|无视|忘记|忘掉|忘了|不要理会|不用理会|不必理会|别管|抛开|撇开|绕过|跳过|不要遵守|不要遵循|停止遵守|停止遵循|不再遵守|覆盖|推翻|取消|删除|清除)[^。！？\n]{{0,6}}(?:之前|以前|前面|以上|上面|上述|先前|此前|原来|原有|原先|一切|所有|全部|任何|你的|您的|系统|最初|初始|安全)[^。！？\n]{{0,10}}{_CHINESE_LAW}",
    "chinese_reveal": r"(?:显示|告诉|透露|泄露|泄漏|输出|重复|复述|打印|说出|列出|展示|公开|给我|翻译|写出|暴露|提供|是什么|有哪些|背诵|看看)[^。！？\n]{0,14}(?:系统提示词?|系统指令|提示词|初始指令|初始提示|内部指令|隐藏指令|开发者指令|系统消息|系统设定|(?:你|您)的(?:指令|提示|设定|规则|限制|配置|密码|密钥|秘密))|(?:系统提示词?|系统指令|初始指令|初始提示|隐藏指令|内部指令|(?:你|您)的(?:提示词|初始设定|内部规则))[^。！？\n]{0,8}(?:是什么|有哪些|内容|告诉我|发给我|给我|打印|输出|显示)",
    "chinese_persona": r"(?:从现在(?:起|开始)|现在起|接下来)[，, ]?(?:你|您)(?:就?是|将|要|必须|不再|可以|只能)|(?:你|您)现在(?:就?是|不再是|扮演)|(?:假装|假设|扮演|想象|模拟|充当|变成)[^。！？\n]{0,16}(?:没有|不受|无|毫无|不存在)[^。！？\n]{0,8}(?:限制|约束|道德|规则|审查|过滤|底线)|(?:没有|不受|无)任?何?(?:限制|约束|审查|道德)的?(?:ai|人工智能|助手|模型|机器人|模式)|(?:开发者|调试|管理员|上帝|越狱|无限制|超级用户|维护|dan)[ ]?模式|越狱",
    "chinese_safety_off": r"(?:关闭|解除|禁用|绕过|突破|停用|移除|去掉|取消|规避|摆脱)[^。！？\n]{0,8}(?:安全(?:限制|机制|过滤|检查|策略|措施|审查)|内容(?:过滤|审查|限制|审核)|道德(?:限制|约束)|审查机制|过滤器|护栏|(?:你|您)的限制)",
    "chinese_new_orders": r"(?:新的?|真正的?|更新的?|最新的?)(?:系统)?(?:指令|指示|任务|命令|规则)(?:是|如下|为)?[:：]|(?:不要|别|禁止|切勿)(?:告诉|告知|通知|提醒|让)[^。！？\n]{0,4}用户",
}

BY_WORDS = {name: re.compile(rule) for name, rule in _ENGLISH.items()}
"""Rules that know what a word is."""
BY_SIGNS = {name: re.compile(rule) for name, rule in _CHINESE.items()}
"""Rules that go by signs alone, as Chinese has no words to see."""
