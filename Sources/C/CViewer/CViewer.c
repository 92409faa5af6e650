#include "CViewer.h"

#pragma clang diagnostic ignored "-Wc23-extensions" // #embed

static const unsigned char index_html[] = {
#embed "../../Signaling/Viewer/index.html"
};
static const unsigned char style_css[] = {
#embed "../../Signaling/Viewer/style.css"
};
static const unsigned char favicon_svg[] = {
#embed "../../Signaling/Viewer/favicon.svg"
};
static const unsigned char start_js[] = {
#embed "../../Signaling/Viewer/start.js"
};
static const unsigned char main_js[] = {
#embed "../../Signaling/Viewer/main.js"
};
static const unsigned char player_js[] = {
#embed "../../Signaling/Viewer/player.js"
};
static const unsigned char whep_js[] = {
#embed "../../Signaling/Viewer/whep.js"
};
static const unsigned char latency_js[] = {
#embed "../../Signaling/Viewer/latency.js"
};
static const unsigned char stats_js[] = {
#embed "../../Signaling/Viewer/stats.js"
};
static const unsigned char telemetry_js[] = {
#embed "../../Signaling/Viewer/telemetry.js"
};
static const unsigned char rpc_js[] = {
#embed "../../Signaling/Viewer/rpc.js"
};
static const unsigned char controls_js[] = {
#embed "../../Signaling/Viewer/controls.js"
};
static const unsigned char view_js[] = {
#embed "../../Signaling/Viewer/view.js"
};

static const struct perch_asset assets[] = {
    {"/", "text/html; charset=utf-8", index_html, sizeof index_html},
    {"/style.css", "text/css; charset=utf-8", style_css, sizeof style_css},
    {"/favicon.svg", "image/svg+xml", favicon_svg, sizeof favicon_svg},
    {"/start.js", "text/javascript; charset=utf-8", start_js, sizeof start_js},
    {"/main.js", "text/javascript; charset=utf-8", main_js, sizeof main_js},
    {"/player.js", "text/javascript; charset=utf-8", player_js, sizeof player_js},
    {"/whep.js", "text/javascript; charset=utf-8", whep_js, sizeof whep_js},
    {"/latency.js", "text/javascript; charset=utf-8", latency_js, sizeof latency_js},
    {"/stats.js", "text/javascript; charset=utf-8", stats_js, sizeof stats_js},
    {"/telemetry.js", "text/javascript; charset=utf-8", telemetry_js, sizeof telemetry_js},
    {"/rpc.js", "text/javascript; charset=utf-8", rpc_js, sizeof rpc_js},
    {"/controls.js", "text/javascript; charset=utf-8", controls_js, sizeof controls_js},
    {"/view.js", "text/javascript; charset=utf-8", view_js, sizeof view_js},
};

const size_t perch_viewer_asset_count = sizeof assets / sizeof assets[0];

const struct perch_asset *perch_viewer_asset(size_t index)
{
    return index < perch_viewer_asset_count ? &assets[index] : NULL;
}
