//! The United States and Canada: the three digits after +1 name a part of a state or province.
//!
//! The Caribbean and the Pacific islands under +1 are countries of their own with one zone each. An area code that a
//! line between two zones crosses has both; toll-free and personal codes (500, 800 …) have none, and stand for all of
//! their country. Codes as assigned by the end of 2025 (NANPA's and the CNA's lists of codes in service).

use chrono_tz::America::{
    Adak, Anchorage, Boise, Chicago, Dawson_Creek, Denver, Detroit, Edmonton, Goose_Bay, Halifax, Iqaluit,
    Los_Angeles, New_York, Phoenix, Regina, St_Johns, Toronto, Vancouver, Whitehorse, Winnipeg,
};
use chrono_tz::Pacific::Honolulu;
use chrono_tz::Tz;

/// The zones of an area code; `None` if it is no geographic code of the United States or Canada.
pub(super) fn zones(area: u16) -> Option<&'static [Tz]> {
    united_states(area).or_else(|| shared_by_zones(area)).or_else(|| canada(area))
}

/// Codes that lie in one zone.
fn united_states(area: u16) -> Option<&'static [Tz]> {
    Some(match area {
        // New England, New York, New Jersey, Pennsylvania, Delaware, Maryland, the capital.
        203 | 207 | 339 | 351 | 401 | 413 | 475 | 508 | 603 | 617 | 774 | 781 | 802 | 857 | 860 | 959
        | 978 => &[New_York],
        212 | 315 | 329 | 332 | 347 | 363 | 516 | 518 | 585 | 607 | 624 | 631 | 646 | 680 | 716 | 718
        | 838 | 845 | 914 | 917 | 929 | 934 => &[New_York],
        201 | 551 | 609 | 640 | 732 | 848 | 856 | 862 | 908 | 973 => &[New_York],
        215 | 223 | 267 | 272 | 412 | 445 | 484 | 570 | 582 | 610 | 717 | 724 | 814 | 835 | 878 => {
            &[New_York]
        }
        202 | 227 | 240 | 301 | 302 | 410 | 443 | 667 | 771 => &[New_York],
        // Virginia, West Virginia, the Carolinas, Georgia, Florida but for its panhandle.
        276 | 304 | 434 | 540 | 571 | 681 | 686 | 703 | 757 | 804 | 826 | 948 => &[New_York],
        252 | 336 | 472 | 704 | 743 | 803 | 821 | 828 | 839 | 843 | 854 | 864 | 910 | 919 | 980 | 984 => {
            &[New_York]
        }
        229 | 404 | 470 | 478 | 678 | 706 | 762 | 770 | 912 | 943 => &[New_York],
        239 | 305 | 321 | 324 | 352 | 386 | 407 | 561 | 645 | 656 | 689 | 727 | 728 | 754 | 772 | 786
        | 813 | 863 | 904 | 941 | 954 => &[New_York],
        // Ohio, Michigan's lower peninsula, most of Indiana, the east of Kentucky and of Tennessee.
        216 | 220 | 234 | 283 | 326 | 330 | 380 | 419 | 436 | 440 | 513 | 567 | 614 | 740 | 937 => {
            &[New_York]
        }
        231 | 248 | 269 | 313 | 517 | 586 | 616 | 679 | 734 | 810 | 947 | 989 => &[Detroit],
        260 | 317 | 463 | 502 | 765 | 859 | 865 => &[New_York],
        // The middle, from Wisconsin and Minnesota down to Alabama, Louisiana and Texas.
        262 | 274 | 353 | 414 | 534 | 608 | 715 | 920 => &[Chicago],
        217 | 224 | 309 | 312 | 331 | 447 | 464 | 618 | 630 | 708 | 730 | 773 | 779 | 815 | 847 | 861
        | 872 => &[Chicago],
        218 | 320 | 507 | 612 | 651 | 763 | 924 | 952 => &[Chicago],
        319 | 515 | 563 | 641 | 712 => &[Chicago],
        235 | 314 | 417 | 557 | 573 | 636 | 660 | 816 | 975 => &[Chicago],
        316 | 402 | 531 | 913 => &[Chicago],
        327 | 479 | 501 | 870 | 405 | 539 | 572 | 580 | 918 => &[Chicago],
        225 | 318 | 337 | 457 | 504 | 985 | 228 | 471 | 601 | 662 | 769 => &[Chicago],
        205 | 251 | 256 | 334 | 659 | 938 | 615 | 629 | 731 | 901 | 931 => &[Chicago],
        210 | 214 | 254 | 281 | 325 | 346 | 361 | 409 | 430 | 432 | 469 | 512 | 621 | 682 | 713 | 726
        | 737 | 806 | 817 | 830 | 832 | 903 | 936 | 940 | 945 | 956 | 972 | 979 => &[Chicago],
        // The mountains, with El Paso.
        303 | 307 | 385 | 406 | 435 | 505 | 575 | 719 | 720 | 748 | 801 | 915 | 970 | 983 => &[Denver],
        480 | 520 | 602 | 623 => &[Phoenix],
        // The Pacific.
        209 | 213 | 279 | 310 | 323 | 341 | 350 | 357 | 369 | 408 | 415 | 424 | 442 | 510 | 530 | 559
        | 562 | 619 | 626 | 628 | 650 | 657 | 661 | 669 | 707 | 714 | 738 | 747 | 760 | 805 | 818 | 820
        | 831 | 837 | 840 | 858 | 909 | 916 | 925 | 949 | 951 => &[Los_Angeles],
        206 | 253 | 360 | 425 | 503 | 509 | 564 | 702 | 725 | 971 => &[Los_Angeles],
        808 => &[Honolulu],
        _ => return None,
    })
}

/// Codes of the United States that a line between zones crosses.
fn shared_by_zones(area: u16) -> Option<&'static [Tz]> {
    Some(match area {
        // Florida's panhandle; the corners of Indiana; the middle of Kentucky; the hills north of Chattanooga.
        448 | 850 | 219 | 574 | 812 | 930 | 270 | 364 | 606 | 423 => &[New_York, Chicago],
        // Michigan's upper peninsula.
        906 => &[Detroit, Chicago],
        // The western counties of the Dakotas, Nebraska and Kansas.
        701 | 605 | 308 | 620 | 785 => &[Chicago, Denver],
        // The Navajo Nation keeps daylight saving, the rest of Arizona does not.
        928 => &[Phoenix, Denver],
        // Idaho's north; Oregon's Malheur County; Nevada's eastern border.
        208 | 986 | 458 | 541 | 775 => &[Boise, Los_Angeles],
        // The outer Aleutians.
        907 => &[Anchorage, Adak],
        _ => return None,
    })
}

fn canada(area: u16) -> Option<&'static [Tz]> {
    Some(match area {
        226 | 249 | 289 | 343 | 365 | 382 | 416 | 437 | 519 | 548 | 613 | 647 | 683 | 705 | 742 | 753
        | 905 | 942 => &[Toronto],
        // Ontario west of Lake Superior.
        807 => &[Toronto, Winnipeg],
        263 | 354 | 438 | 450 | 468 | 514 | 579 | 819 | 873 => &[Toronto],
        // The Magdalen Islands.
        367 | 418 | 581 => &[Toronto, Halifax],
        428 | 506 | 782 | 902 => &[Halifax],
        709 | 879 => &[St_Johns, Goose_Bay],
        204 | 431 | 584 => &[Winnipeg],
        // Lloydminster keeps Alberta's time.
        306 | 474 | 639 => &[Regina, Edmonton],
        368 | 403 | 587 | 780 | 825 => &[Edmonton],
        604 => &[Vancouver],
        // The Rockies keep Alberta's time, the Peace River none of the summer's.
        236 | 250 | 257 | 672 | 778 => &[Vancouver, Edmonton, Dawson_Creek],
        // The three territories.
        867 => &[Whitehorse, Edmonton, Winnipeg, Iqaluit],
        _ => return None,
    })
}
