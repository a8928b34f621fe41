#include "daemon/secrets/rule.h"

namespace batuta::secrets {
namespace {

using enum Tier;
using enum Place;
using enum Check;

#define BATUTA_UUID "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

// clang-format off
constexpr Rule kRules[] = {
    {"hf-token", "Hugging Face access token", kCertain, kStart, "hf_", "hf_[A-Za-z0-9]{34}", kRandom | kNoWords},
    {"hf-org-token", "Hugging Face organisation token", kCertain, kStart, "api_org_", "api_org_[A-Za-z0-9]{34}", kRandom | kNoWords},
    {"openai-legacy-key", "OpenAI API key (old form)", kCertain, kInside, "T3BlbkFJ", "sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"},
    {"openai-project-key", "OpenAI project or service account key", kCertain, kInside, "T3BlbkFJ",
     "sk-(?:proj|svcacct)-(?:[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58}T3BlbkFJ[A-Za-z0-9_-]{58}|[A-Za-z0-9_-]{20}T3BlbkFJ[A-Za-z0-9_-]{20})"},
    {"openai-admin-key", "OpenAI admin key", kCertain, kInside, "T3BlbkFJ",
     "sk-admin-(?:[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58}T3BlbkFJ[A-Za-z0-9_-]{58})"},
    {"anthropic-api-key", "Anthropic API key", kCertain, kStart, "sk-ant-api", "sk-ant-api[0-9]{2}-[A-Za-z0-9_-]{88,126}AA"},
    {"anthropic-admin-key", "Anthropic admin key", kCertain, kStart, "sk-ant-admin", "sk-ant-admin[0-9]{2}-[A-Za-z0-9_-]{93}AA"},
    {"google-api-key", "Google API key", kCertain, kStart, "AIza", "AIza[A-Za-z0-9_-]{35}", kRandom | kNotPublicWeb},
    {"gemini-key", "Google Gemini key", kCertain, kStart, "AQ.Ab8RN6", R"(AQ\.Ab8RN6[A-Za-z0-9_-]{44})"},
    {"wandb-legacy-key", "Weights & Biases API key (old form)", kLikely, kAfter, "wandb|weightsandbiases|weights_and_biases", "[0-9a-f]{40}", kNamed | kNotHash},
    {"wandb-key", "Weights & Biases API key", kCertain, kStart, "wandb_v1_", "wandb_v1_[A-Za-z0-9_]{77}"},
    {"kaggle-token", "Kaggle API token", kCertain, kStart, "KGAT_", "KGAT_[0-9a-f]{32}"},
    {"kaggle-key", "Kaggle key", kLikely, kAfter, "kaggle", "[0-9a-f]{32}", kNamed | kNotHash},
    {"kaggle-login", "Kaggle login file", kCertain, kStart, "\"username\"",
     R"re("username"\s{0,8}:\s{0,8}"[^"\n]{1,64}"\s{0,8},\s{0,16}"key"\s{0,8}:\s{0,8}"([0-9a-f]{32})")re"},
    {"comet-key", "Comet API key", kLikely, kAfter, "comet", "[A-Za-z0-9]{20,40}", kNamed | kMixedCase | kRandom | kNoWords},
    {"replicate-token", "Replicate API token", kCertain, kStart, "r8_", "r8_[A-Za-z0-9]{37}", kRandom},
    {"cohere-key", "Cohere API key", kLikely, kAfter, "cohere|co_api_key", "[A-Za-z0-9]{40}", kNamed | kMixedCase | kNoWords},
    {"groq-key", "Groq API key", kCertain, kStart, "gsk_", "gsk_[A-Za-z0-9]{50,54}", kRandom},
    {"together-key", "Together API key", kCertain, kStart, "tgp_v1_", "tgp_v1_[A-Za-z0-9_-]{43}"},
    {"together-legacy-key", "Together API key (old form)", kLikely, kAfter, "together", "[0-9a-f]{64}", kNamed | kNotHash},
    {"fireworks-key", "Fireworks API key", kCertain, kStart, "fw_", "fw_[A-Za-z0-9]{24}", kRandom | kMixedCase | kNoWords},
    {"mistral-key", "Mistral API key", kLikely, kAfter, "mistral", "[A-Za-z0-9]{32}", kNamed | kMixedCase | kNoWords},
    {"deepseek-key", "DeepSeek API key, or another of this form", kCertain, kStart, "sk-", "sk-[0-9a-f]{32}", kRandom},
    {"perplexity-key", "Perplexity API key", kCertain, kStart, "pplx-", "pplx-[A-Za-z0-9]{48}", kRandom},
    {"xai-key", "xAI API key", kCertain, kStart, "xai-", "xai-[A-Za-z0-9_]{70,120}", kRandom},
    {"openrouter-key", "OpenRouter API key", kCertain, kStart, "sk-or-v1-", "sk-or-v1-[0-9a-f]{64}"},
    {"cerebras-key", "Cerebras API key", kCertain, kStart, "csk-", "csk-[a-z0-9]{48}", kRandom},
    {"nvidia-key", "NVIDIA API key", kCertain, kStart, "nvapi-", "nvapi-[A-Za-z0-9_-]{60,70}", kRandom},
    {"ngc-key", "NVIDIA NGC key (old form)", kLikely, kAfter, "ngc", "[A-Za-z0-9]{84}", kNamed | kRandom},
    {"langsmith-key", "LangSmith API key", kCertain, kStart, "lsv2_", "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"},
    {"langfuse-secret-key", "Langfuse secret key", kCertain, kStart, "sk-lf-", "sk-lf-" BATUTA_UUID},
    {"pinecone-key", "Pinecone API key", kCertain, kStart, "pcsk_", "pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}"},
    {"pinecone-legacy-key", "Pinecone API key (old form)", kLikely, kAfter, "pinecone", BATUTA_UUID, kNamed},
    {"jina-key", "Jina API key", kCertain, kStart, "jina_", "jina_[0-9a-f]{32}[A-Za-z0-9]{28}"},
    {"voyage-key", "Voyage API key", kCertain, kStart, "pa-", "pa-[A-Za-z0-9_-]{43}", kRandom | kMixedCase | kNoWords},
    {"elevenlabs-key", "ElevenLabs API key", kCertain, kStart, "sk_", "sk_[0-9a-f]{48}", kRandom},
    {"elevenlabs-legacy-key", "ElevenLabs API key (old form)", kLikely, kAfter, "elevenlabs|eleven_labs|xi-api-key|xi_api_key", "[0-9a-f]{32}", kNamed | kNotHash},
    {"stability-key", "Stability API key", kLikely, kAfter, "stability|dreamstudio", "sk-[A-Za-z0-9]{48}", kRandom},
    {"moonshot-key", "Moonshot or Kimi API key", kLikely, kAfter, "kimi|moonshot", "sk-[A-Za-z0-9_-]{48}", kRandom},
    {"tavily-key", "Tavily API key", kCertain, kStart, "tvly-", "tvly-(?:dev-)?[A-Za-z0-9]{32}", kRandom},
    {"runpod-key", "RunPod API key", kCertain, kStart, "rpa_", "rpa_[A-Z0-9]{40}[A-Za-z0-9]{6}"},
    {"baseten-key", "Baseten API key", kLikely, kAfter, "baseten", R"([A-Za-z0-9]{8}\.[A-Za-z0-9]{32})", kRandom},
    {"assemblyai-key", "AssemblyAI API key", kLikely, kAfter, "assemblyai|assembly_ai", "[0-9a-z]{32}", kNamed | kNotHash | kTwoDigits},
    {"deepgram-key", "Deepgram API key", kLikely, kAfter, "deepgram", "[0-9a-f]{40}", kNamed | kNotHash},
    {"ai21-key", "AI21 API key", kLikely, kAfter, "ai21", BATUTA_UUID, kNamed},
    {"exa-key", "Exa API key", kLikely, kAfter, "exa_api|exa-api|exa_key|metaphor_api", BATUTA_UUID, kNamed},
    {"clarifai-key", "Clarifai personal access token", kLikely, kAfter, "clarifai", "[0-9a-f]{32}", kNotHash},
    {"friendli-token", "Friendli token", kCertain, kStart, "flp_", "flp_[A-Za-z0-9]{46}", kRandom},
    {"ollama-key", "Ollama cloud key", kLikely, kAfter, "ollama", R"([0-9a-f]{32}\.[A-Za-z0-9_-]{24})"},
    {"zai-key", "Z.ai key", kLikely, kAfter, "zai|glm|zhipu", R"([0-9a-f]{32}\.[A-Za-z0-9]{16})"},
    {"prefect-key", "Prefect API key", kCertain, kStart, "pnu_", "pnu_[A-Za-z0-9]{36}", kRandom},
    {"databricks-token", "Databricks token", kCertain, kStart, "dapi", "dapi[0-9a-f]{32}(?:-[0-9])?", kRandom},
    {"snowflake-token", "Snowflake programmatic token", kLikely, kAfter, "snowflake", "[A-Za-z0-9_-]{100,500}", kNamed | kRandom},
    {"neptune-token", "Neptune API token", kLikely, kAfter, "neptune", "(eyJ[A-Za-z0-9+/]{60,}={0,2})", kJsonInBase64},
    {"lightning-key", "Lightning AI key", kLikely, kAfter, "lightning_api|lightning_cloud|lightning_user", BATUTA_UUID, kNamed},
    {"clearml-secret", "ClearML secret key", kLikely, kAfter, "clearml", "[A-Za-z0-9]{40,90}", kNamed | kMixedCase | kTwoDigits | kRandom | kNoWords},
    {"roboflow-key", "Roboflow API key", kLikely, kAfter, "roboflow", "[A-Za-z0-9]{20}", kNamed | kMixedCase | kRandom | kNoWords},
    {"label-studio-token", "Label Studio token", kLikely, kAfter, "label_studio|labelstudio|label-studio", "[0-9a-f]{40}", kNamed | kNotHash},
    {"modal-token", "Modal token secret", kCertain, kStart, "as-", "as-[A-Za-z0-9]{22}", kRandom | kMixedCase | kNoWords},
};
// clang-format on

}  // namespace

std::span<const Rule> MachineLearningRules() {
  return kRules;
}

}  // namespace batuta::secrets
